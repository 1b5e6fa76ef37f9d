import weakref
from itertools import pairwise

import numpy as np
import pytest
import torch
from mmseg.evaluation import IoUMetric
from mmseg.registry import METRICS

from i2vda_mmseg.evaluation import TC_PRESETS, temporal_consistency
from i2vda_mmseg.evaluation.pair_consistency import choose_switches

C, SIZE = 5, (6, 9)


def still(frame_a, frame_b, keys=None):
    return torch.zeros(len(frame_a), 2, *frame_a.shape[-2:])


def shift(u, v=0.0):
    """Flow of a camera that moves: u, v from the first frame to the second; batches hold both directions."""

    def flow(frame_a, frame_b, keys=None):
        field = torch.tensor([u, v], device=frame_a.device).view(1, 2, 1, 1).repeat(1, 1, *frame_a.shape[-2:])
        return torch.cat([field, -field])[: len(frame_a)]

    return flow


def frames(count, size=SIZE):
    return [np.zeros((*size, 3), np.uint8)] * count


def measure(predictions, flow=still, num_classes=C, **options):
    size = np.shape(predictions[0])[-2:]
    return temporal_consistency(predictions, frames(len(predictions), size), flow, num_classes, **options)


def random_labels(seed=0, classes=C, size=SIZE):
    return np.random.default_rng(seed).integers(0, classes, size)


def test_identical_predictions():
    labels = random_labels(classes=3)  # classes 3 and 4 occur nowhere
    clean = measure([labels] * 4)
    assert (clean.tc, clean.flicker) == (1.0, 0.0)
    assert clean.class_iou[:3] == [1.0] * 3
    assert np.isnan(clean.class_iou[3:]).all()
    etc = measure([labels] * 4, preset='etc')
    assert etc.tc == pytest.approx(3 / 5, abs=1e-9)
    assert etc.flicker == 0


@pytest.mark.parametrize('preset', TC_PRESETS)
def test_disjoint_predictions(preset):
    result = measure([np.zeros(SIZE, int), np.ones(SIZE, int)], preset=preset)
    assert (result.tc, result.flicker) == (0.0, 1.0)


def test_two_by_three_by_hand():
    """The second frame is the first one moved a pixel to the left, but for one pixel that changed its class.

    First [0 1 1; 2 2 0], flow (-1, 0): the left column leaves the frame. Of the rest, [1 1; 2 0], the second frame
    [1 1 4; 1 0 4] says [1 1; 1 0]: the 2 has become a 1.
    """
    first, second = [[0, 1, 1], [2, 2, 0]], [[1, 1, 4], [1, 0, 4]]
    result = measure([first, second], shift(-1.0))
    assert result.class_iou[:3] == [1.0, pytest.approx(2 / 3), 0.0]
    assert np.isnan(result.class_iou[3:]).all()
    assert result.tc == pytest.approx((1 + 2 / 3 + 0) / 3)
    assert result.flicker == 1 / 4
    assert (result.counts.valid, result.counts.changed, result.counts.pairs) == (4, 1, 1)


def test_two_by_three_by_hand_etc():
    """Without a mask, the left column is compared with the border: 0 with 1, 2 with 1. Absent classes are 0."""
    first, second = [[0, 1, 1], [2, 2, 0]], [[1, 1, 4], [1, 0, 4]]
    result = measure([first, second], shift(-1.0), preset='etc', flow_input='rgb255')
    # warped: [1 1 1; 1 1 0]
    assert result.class_iou == pytest.approx([1 / 2, 2 / 5, 0, 0, 0])
    assert result.tc == pytest.approx(0.9 / 5)
    assert result.flicker == pytest.approx(3 / 6)


def test_half_a_pixel_between_two_classes():
    """Bilinear ids find class 2 between 1 and 4; probabilities and the nearest pixel do not."""
    labels = np.array([[1, 1, 4, 4]] * 2)
    phantom = measure([labels, labels], shift(0.5), preset='etc')
    assert phantom.class_iou[2] == 0
    assert phantom.counts.union.tolist() == [0, 4, 2, 0, 4]
    probs = [torch.nn.functional.one_hot(torch.tensor(labels), C).permute(2, 0, 1) * 20.0] * 2
    for warping, given in (('nearest', [labels] * 2), ('probs', probs)):
        sharp = measure(given, shift(0.5), mask='none', warping=warping)
        assert sharp.counts.union[2] == 0


def test_logits_are_compared_by_their_classes():
    logits = [torch.randn(C, *SIZE, generator=torch.Generator().manual_seed(seed)) for seed in (0, 1)]
    by_probs = measure(logits, warping='probs')
    by_labels = measure([each.argmax(0) for each in logits])
    assert by_probs.tc == by_labels.tc
    assert 0 < by_probs.tc < 1


def test_equals_the_hosts_metric_on_a_static_clip():
    clip = [random_labels(seed) for seed in range(4)]
    host = IoUMetric()
    host.dataset_meta = dict(classes=[str(number) for number in range(C)])
    for here, after in pairwise(clip):
        pair = dict(gt_sem_seg=after, pred_sem_seg=here)
        host.process({}, [{name: dict(data=torch.tensor(labels)[None]) for name, labels in pair.items()}])
    assert measure(clip).tc == pytest.approx(host.evaluate(3)['mIoU'] / 100, abs=5e-5)  # the host rounds


def test_pixels_without_a_class_do_not_count():
    first, second = np.zeros((2, 4), int), np.zeros((2, 4), int)
    first[0], second[:, 0] = 255, 255
    result = measure([first, second])
    assert (result.tc, result.flicker, result.counts.valid) == (1.0, 0.0, 3)


def test_flow_of_smaller_frames_is_stretched_with_its_vectors():
    seen = []

    def flow(frame_a, frame_b, keys=None):
        seen.append(frame_a.shape)
        return shift(1.0)(frame_a, frame_b)

    labels = random_labels(size=(7, 9))
    moved = np.roll(labels, 2, axis=1)
    result = measure([labels, moved], flow, flow_size=(4, 5))  # (9 - 1) / (5 - 1) = 2
    assert seen == [(2, 3, 4, 5)]
    assert (result.tc, result.counts.valid) == (1.0, 7 * 7)


@pytest.mark.parametrize(('eta', 'valid'), [(0.75, 0), (0.85, 7 * 7)])
def test_eta_is_in_pixels_of_the_prediction_whatever_the_size_of_the_flow(eta, valid):
    def flow(frame_a, frame_b, keys=None):
        scale = (frame_a.shape[-1] - 1) / 8  # of pixels of the prediction, which is 9 wide
        there, back = shift(2.0 * scale)(frame_a, frame_b)
        return torch.stack([there, back + torch.tensor([0.8 * scale, 0.0]).view(2, 1, 1)])

    labels = random_labels(size=(7, 9))
    for size in (None, (4, 5), (13, 17)):
        assert measure([labels, labels], flow, flow_size=size, eta=eta).counts.valid == valid


def test_normalised_frames_reach_the_estimator():
    seen = []

    def flow(frame_a, frame_b, keys=None):
        seen.append((frame_a, frame_b))
        return still(frame_a, frame_b)

    image = np.random.default_rng(0).integers(0, 256, (*SIZE, 3), dtype=np.uint8)
    given = [image, image[::-1].copy()]
    for preset in TC_PRESETS:
        temporal_consistency([random_labels()] * 2, given, flow, C, preset=preset)
    (etc_a, etc_b), (clean_a, clean_b) = seen
    assert (len(etc_a), len(clean_a)) == (1, 2)  # one direction needs no mask
    np.testing.assert_array_equal(clean_a[0].permute(1, 2, 0), given[0])
    np.testing.assert_array_equal(clean_b[0].permute(1, 2, 0), given[1])
    expected = (given[1] / 255 - (0.485, 0.456, 0.406)) / (0.229, 0.224, 0.225)
    np.testing.assert_allclose(etc_b[0].permute(1, 2, 0), expected, atol=1e-5)


def test_memory_does_not_grow_with_the_clip():
    def most_alive(count):
        made, most = [], 0

        def stream(*shape):
            nonlocal most
            for seed in range(count):
                array = np.full(shape, seed % C, np.uint8)
                made.append(weakref.ref(array))
                most = max(most, sum(reference() is not None for reference in made[-50:]))
                yield array
                del array

        temporal_consistency(stream(*SIZE), stream(*SIZE, 3), still, C)
        return most, len(made)

    assert most_alive(30) == (4, 60)  # this frame and the one before, each with its prediction
    assert most_alive(3000) == (4, 6000)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason='needs a CUDA device')
@pytest.mark.parametrize('preset', TC_PRESETS)
def test_the_same_counts_on_a_gpu(preset):
    clip = [torch.from_numpy(random_labels(seed, size=(64, 96))) for seed in range(3)]
    options = dict(flow=shift(1.5, -0.75), preset=preset, flow_input='rgb255')
    for here, there in zip(measure(clip, **options).counts, measure([each.cuda() for each in clip], **options).counts):
        assert torch.equal(torch.as_tensor(here), torch.as_tensor(there))


def test_what_is_refused():
    labels = random_labels()
    with pytest.raises(ValueError, match='two frames or more'):
        measure([labels])
    with pytest.raises(ValueError, match='shorter'):
        temporal_consistency([labels] * 3, frames(2), still, C)
    with pytest.raises(ValueError, match=r"warping='probs' takes predictions as \(5, H, W\) logits, got \(6, 9\)"):
        measure([labels] * 2, warping='probs')
    with pytest.raises(ValueError, match=r'differ in size: \(6, 9\) and \(4, 5\)'):
        measure([labels, labels[:4, :5]])
    with pytest.raises(ValueError, match=r'a frame is \(3, H, W\)'):
        temporal_consistency([labels] * 2, [labels] * 2, still, C)
    with pytest.raises(ValueError, match=r"preset must be one of \['clean', 'etc'\], got 'best'"):
        choose_switches('best')
    with pytest.raises(ValueError, match=r"mask must be one of .*, got 'fb'"):
        choose_switches('clean', mask='fb')
    for eta in (0, -1.0, float('inf'), float('nan'), '1'):
        with pytest.raises(ValueError, match=r'eta.* positive and finite'):
            METRICS.build(dict(type='TemporalConsistency', eta=eta))
