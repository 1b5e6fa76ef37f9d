"""A network that looks at each pixel alone, of which everything can be said by hand."""

from contextlib import contextmanager

import numpy as np
import pytest
import torch
from helpers import sharpen
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample
from two_frame import tiny_cmom

from i2vda_mmseg.apis.label_free_probe import LabelFreeProbe
from i2vda_mmseg.apis.unlabelled_frames import Shot
from i2vda_mmseg.engine.frame_predictor import FramePredictor
from i2vda_mmseg.evaluation.label_free import (
    CRITERIA,
    NonFiniteLogitsError,
    flip_agreement,
    information_maximization,
    label_agreement,
)

CENTRES = torch.tensor([40.0, 120.0, 200.0])


class Nearest:
    """Gives each pixel the class whose grey is nearest; with ``slope``, greys depend on the column as well."""

    def __init__(self, shift=0.0, slope=0.0, proxy=None):
        self.centres, self.slope, self.proxy = CENTRES + shift, slope, proxy

    def data_preprocessor(self, data, training):
        return dict(inputs=torch.stack(data['inputs']).float(), data_samples=data['data_samples'])

    def logits(self, inputs):
        grey = inputs[:, :1] + self.slope * torch.arange(inputs.shape[-1])
        return -((grey - self.centres.view(1, 3, 1, 1)) ** 2) / 400

    @contextmanager
    def proxy_in_place(self):
        own = self.__dict__.copy()
        self.__dict__.update(self.proxy.__dict__)
        yield
        self.__dict__.update(own)

    def __call__(self, inputs, data_samples, mode):
        assert mode == 'predict'
        for sample, logits in zip(data_samples, self.logits(inputs)):
            sample.seg_logits = PixelData(data=logits)
            sample.pred_sem_seg = PixelData(data=logits.argmax(0, keepdim=True))
        return data_samples


class Predictor:
    palette = ((0, 0, 0),) * 3

    def __init__(self, model):
        self.model = model

    def prepare(self, image, previous=None):
        inputs = torch.from_numpy(np.ascontiguousarray(image)).permute(2, 0, 1)
        return dict(inputs=inputs, data_samples=SegDataSample(metainfo=dict(img_shape=image.shape[:2])))


def image(seed, height=36, width=48):
    greys = np.random.default_rng(seed).integers(0, 256, (height // 6, width // 6), dtype=np.uint8)
    return np.repeat(np.kron(greys, np.ones((6, 6), np.uint8))[..., None], 3, axis=2)


def groups(still=False):
    """Three pairs; of a still camera, or of one that turns to the left by 6 pixels."""
    pairs = [(image(i), image(i) if still else np.roll(image(i), 6, axis=1)) for i in range(3)]
    return [[Shot(f'{i}:{j}', frame) for j, frame in enumerate(pair)] for i, pair in enumerate(pairs)]


def classes(frame, model):
    return model.logits(torch.from_numpy(frame.astype(np.float32)).permute(2, 0, 1)[None]).argmax(1)[0]


@pytest.fixture(scope='module')
def probe():
    return LabelFreeProbe(Predictor(None), groups())


def test_a_network_of_single_pixels_does_not_mind_mirroring(probe):
    figures = probe.measure(Predictor(Nearest()), CRITERIA).figures
    assert figures['flip_agreement'] == 1
    assert figures['teacher_agreement'] is None
    assert set(figures) == set(CRITERIA)
    tilted = Nearest(slope=2.0)
    expected = [flip_agreement(classes(image(i), tilted), classes(image(i)[:, ::-1].copy(), tilted)) for i in range(3)]
    assert probe.measure(Predictor(tilted), CRITERIA).figures['flip_agreement'] == pytest.approx(np.mean(expected))
    assert np.mean(expected) < 0.9


def test_mixtures_are_of_the_first_frames(probe):
    """0 with 2 and 2 with 0, and 1 not with itself."""
    model, hits, pixels = Nearest(), {True: 0, False: 0}, {True: 0, False: 0}
    for a, b in ((0, 2), (2, 0)):
        labels_a, labels_b = classes(image(a), model), classes(image(b), model)
        mixed = classes(0.55 * image(a) + 0.45 * image(b), model)
        for same in (True, False):
            counted = (labels_a == labels_b) == same
            hits[same] += int((counted & (mixed == labels_a)).sum())
            pixels[same] += int(counted.sum())
    figures = probe.measure(Predictor(model), CRITERIA).figures
    assert figures['mixval_intra'] == pytest.approx(hits[True] / pixels[True])
    assert figures['mixval_inter'] == pytest.approx(hits[False] / pixels[False])
    assert 0 < figures['mixval_inter'] < figures['mixval_intra']


def test_a_teacher_is_asked_where_there_is_one(probe):
    teacher = Nearest(shift=30.0)
    model = Nearest(proxy=teacher)
    expected = np.mean(
        [float((classes(image(i), model) == classes(image(i), teacher)).float().mean()) for i in range(3)]
    )
    found = probe.measure(Predictor(model), CRITERIA, has_teacher=True).figures['teacher_agreement']
    assert found == pytest.approx(expected)
    assert 0.3 < found < 0.95


def test_probabilities_and_classes_of_all_frames(probe):
    model = Nearest()
    frames = [shot.image for group in groups() for shot in group]
    logits = torch.cat([model.logits(torch.from_numpy(f.astype(np.float32)).permute(2, 0, 1)[None]) for f in frames])
    measured = probe.measure(Predictor(model), ())
    assert measured.figures['information_maximization'] == pytest.approx(
        information_maximization(logits.softmax(1)), abs=1e-6
    )
    assert torch.equal(measured.histogram, torch.bincount(logits.argmax(1).flatten(), minlength=3))
    assert measured.figures['flip_agreement'] is measured.figures['temporal_consistency'] is None


def test_temporal_consistency_of_a_still_camera():
    still = LabelFreeProbe(Predictor(None), groups(still=True))
    assert still.measure(Predictor(Nearest()), CRITERIA).figures['temporal_consistency'] == 1


def test_single_frames_have_no_temporal_consistency():
    single = LabelFreeProbe(Predictor(None), [group[:1] for group in groups()])
    assert single.measure(Predictor(Nearest()), CRITERIA).figures['temporal_consistency'] is None


def test_a_network_that_ignores_the_frames_is_told_from_frames_that_are_alike(probe):
    class Blind(Nearest):
        def logits(self, inputs):
            return super().logits(torch.arange(48.0).mul(5).expand(inputs.shape))

    assert probe.measure(Predictor(Blind()), ()).is_constant
    assert not probe.measure(Predictor(Nearest()), ()).is_constant
    alike = LabelFreeProbe(Predictor(None), [[Shot(str(i), image(0))] for i in range(3)])
    assert not alike.measure(Predictor(Blind()), ()).is_constant


def test_what_cannot_be_compared_is_refused(probe):
    with pytest.raises(NonFiniteLogitsError, match='0:0'):
        probe.measure(Predictor(Nearest(shift=torch.nan)), ())
    with pytest.raises(ValueError, match='no frames'):
        LabelFreeProbe(Predictor(None), [])
    with pytest.raises(ValueError, match='a and b'):
        LabelFreeProbe(Predictor(None), [[Shot('a', image(0)), Shot('b', image(0, height=42))]])


@torch.no_grad()
@pytest.mark.parametrize('resize_logits', ['once', 'twice'])
def test_the_teacher_of_a_method_of_two_frames_predicts_as_the_method_does(resize_logits):
    torch.manual_seed(0)
    model = sharpen(tiny_cmom(resize_logits=resize_logits)).eval()
    frame = np.random.default_rng(0).integers(0, 256, (32, 48, 3), dtype=np.uint8)
    steps = [dict(type='LoadFramePair'), dict(type='PackFramePair', meta_keys=('img_shape', 'ori_shape'))]
    predictor = FramePredictor(model, steps, [[0, 0, 0]] * 3)
    probe = LabelFreeProbe(predictor, [[Shot('0', frame)]])
    found = probe.measure(predictor, ['teacher_agreement'], has_teacher=True).figures['teacher_agreement']
    own = predictor(frame)
    model.segmentor.load_state_dict(model.proxy.state_dict())
    predictor.begin_clip()
    assert found == label_agreement(own, predictor(frame))
    assert 0 < found < 1
    same = probe.measure(predictor, ['teacher_agreement'], has_teacher=True).figures['teacher_agreement']
    assert same == 1
