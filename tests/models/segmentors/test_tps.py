from copy import deepcopy

import pytest
import torch
import torch.nn.functional as F
from helpers import optimizers, ready, sharpen, state_of, still_statistics
from mmcv.transforms import BaseTransform
from mmengine.model import BaseModule
from mmseg.registry import MODELS, TRANSFORMS
from two_frame import CALM, tiny_tps, two_frame_batch, two_frame_segmentor_cfg

from i2vda_mmseg.flow import FlowEstimator
from i2vda_mmseg.ops import grayscale, resize_flow, upsample

STEP = (8, 16)  # how far the pattern moves from frame to frame, down and to the right


@MODELS.register_module(force=True)
class EveryEighthPixel(BaseModule):
    """A feature map with the colours of every eighth pixel, whose grid is the image's one, 8 times coarser."""

    def forward(self, x):
        return (x[..., ::8, ::8],)


@MODELS.register_module(force=True)
class MovingPattern(FlowEstimator):
    """The flow from a later frame to an earlier one of a pattern that moves by ``STEP`` a frame."""

    def __init__(self, frames=1):
        super().__init__()
        self.frames = frames
        self.keys = []

    def estimate(self, frame_a, frame_b, keys):
        self.keys.append(keys)
        frames = [int(a.rsplit('/')[1]) - int(b.rsplit('/')[1]) for a, b in keys] if keys else [self.frames]
        flow = -torch.tensor([STEP[1], STEP[0]]).view(1, 2, 1, 1) * torch.tensor(frames).view(-1, 1, 1, 1)
        return flow.float().expand(len(frame_a), 2, *frame_a.shape[-2:])


@TRANSFORMS.register_module(force=True)
class Darken(BaseTransform):
    def transform(self, results):
        return dict(results, frames=results['frames'] / 2)


def naming_colors(**overrides):
    """A model whose classes are the brightest of red, green and blue, exactly."""
    segmentor = two_frame_segmentor_cfg()
    segmentor.backbone = dict(type='EveryEighthPixel')
    for head in (segmentor.decode_head, segmentor.auxiliary_head):
        head.update(in_channels=3, dilations=(1,))
    preprocessor = dict(type='DomainDataPreprocessor', bgr_to_rgb=True, mean=(0, 0, 0), std=(1, 1, 1))
    cfg = dict(segmentor=segmentor, data_preprocessor=preprocessor, flow_estimator=dict(type='MovingPattern'))
    model = tiny_tps(**(cfg | overrides))
    with torch.no_grad():
        for head in (model.segmentor.decode_head, model.segmentor.auxiliary_head):
            head.convs[0].weight.zero_()
            head.convs[0].weight[:, :, 1, 1] = torch.eye(3)
            head.convs[0].bias.zero_()
    return model


def moving_pattern(frames, height=65, width=129):
    """Random colours in blocks of 8 pixels around every eighth one, moving by ``STEP`` a frame."""
    generator = torch.Generator().manual_seed(0)
    down, right = STEP[0] // 8, STEP[1] // 8
    rows, columns = (height - 1) // 8 + 1, (width - 1) // 8 + 1
    world = torch.randint(0, 3, (rows + down * frames, columns + right * frames), generator=generator)
    first = [(down * (frames - 1 - k), right * (frames - 1 - k)) for k in range(frames)]
    classes = torch.stack([world[y : y + rows, x : x + columns] for y, x in first])
    images = 255 * F.one_hot(classes, 3).movedim(-1, 1).float()
    return classes, F.interpolate(images, size=(height, width), mode='nearest-exact')


def clip_of(model, frames):
    data_sample = type('Sample', (), dict(metainfo=dict(frame_keys=[f'c/{k}' for k in range(len(frames))])))
    return model.four_frames(dict(frames=frames[None], data_samples=[data_sample]))


@pytest.mark.parametrize('interval', [1, 2])
@pytest.mark.parametrize('is_flipped', [False, True])
def test_pseudo_labels_of_a_moving_pattern_are_the_previous_prediction_moved(interval, is_flipped):
    model = naming_colors(interval=interval)
    classes, frames = moving_pattern(interval + 2)
    down, right = interval * STEP[0] // 8, interval * STEP[1] // 8
    for labels in model.pseudo_labels(clip_of(model, frames), is_flipped).values():
        assert torch.equal(labels[0, down:, right:], classes[-1, down:, right:])
        assert torch.equal(labels[0, down:, right:], classes[-1 - interval, :-down, :-right])
        border = classes[-1 - interval, 0, 0].expand(down, right)
        assert torch.equal(labels[0, :down, :right], border)  # from outside the frame comes its border


def test_where_the_flow_is_unknown_there_is_no_pseudo_label():
    model = naming_colors()
    clip = clip_of(model, moving_pattern(3)[1])
    before = model.pseudo_labels(clip)['main']
    flow = clip.flow_db.clone()
    flow[..., :8] = 1e10
    clip = clip._replace(flow_db=flow)
    labels = model.pseudo_labels(clip)['main']
    assert (labels[..., 0] == 255).all()
    assert torch.equal(labels[..., 2:], before[..., 2:])


def test_a_mirrored_teacher_sees_the_mirrored_flow():
    """Only the fusion of the frame before tells: with it alone, both ways give the same pseudo-labels."""
    model = naming_colors()
    with torch.no_grad():
        model.segmentor.sf_layer.weight.copy_(torch.eye(6)[3:, :, None, None])
    classes, frames = moving_pattern(3)
    clip = clip_of(model, frames)
    straight, mirrored = (model.pseudo_labels(clip, is_flipped)['main'] for is_flipped in (False, True))
    assert torch.equal(straight[0, 2:, 4:], classes[-1, 2:, 4:])
    assert torch.equal(mirrored[0, 2:, 4:], classes[-1, 2:, 4:])


def test_flows_go_from_later_to_earlier_frames_and_none_is_estimated_twice():
    for interval, asked in ((1, ['10', '21']), (2, ['10', '31', '32'])):
        model = naming_colors(interval=interval)
        clip = clip_of(model, moving_pattern(interval + 2)[1])
        assert [key[0][0][-1] + key[0][1][-1] for key in model.flow_estimator.keys] == asked
        assert clip.flow_db[0, :, 0, 0].tolist() == [-interval * STEP[1], -interval * STEP[0]]
        assert clip.flow_dc[0, :, 0, 0].tolist() == [-STEP[1], -STEP[0]]


def test_the_student_sees_both_frames_augmented_alike_and_rescaled():
    model = naming_colors(augmentation=dict(type='Darken'))
    _, frames = moving_pattern(3)
    clip = clip_of(model, frames)
    for scale, size in ((0.8, (48, 104)), (1.0, (64, 128)), (1.2, (80, 152))):
        images = model.student_input(clip, scale)
        assert images.shape == (1, 8, *size)
        torch.testing.assert_close(images[:, :3], upsample(clip.frame_d / 2, size))
        torch.testing.assert_close(images[:, 3:6], upsample(clip.frame_c / 2, size))
        torch.testing.assert_close(images[:, 6:], resize_flow(clip.flow_dc, size))


def test_the_strong_augmentation_is_drawn_for_each_sample_and_shared_by_its_frames():
    torch.manual_seed(0)
    model = tiny_tps(augmentation=dict(type='StrongAugmentation', blur_prob=0, jitter_prob=0, gray_prob=0.5))
    frames = 255 * torch.rand(8, 3, 3, 16, 24)
    clip = model.four_frames(dict(frames=frames, data_samples=[]))
    images = model.student_input(clip, 1.0)
    normalize = model.data_preprocessor.normalize
    grey = [torch.equal(images[i, :3], normalize(grayscale(frames[i : i + 1, 2]))[0]) for i in range(8)]
    previous = [torch.equal(images[i, 3:6], normalize(grayscale(frames[i : i + 1, 1]))[0]) for i in range(8)]
    assert grey == previous
    assert 0 < sum(grey) < 8


def test_losses_are_cross_entropies_at_the_size_of_the_logits():
    torch.manual_seed(0)
    model = ready(tiny_tps(augmentation=CALM, lambda_tps=0.3, lambda_seg_aux=0.2))
    torch.nn.init.normal_(model.segmentor.sf_layer.weight)
    batch = model.data_preprocessor(two_frame_batch(), training=True)
    torch.manual_seed(5)
    is_flipped, scale = model.draw()
    torch.manual_seed(5)
    source, target = model.segmentor_passes(batch)
    images = model.source_input(batch['source'])
    labels = batch['source']['labels']
    for name, logits in zip(('loss_seg', 'loss_seg_aux'), model.segmentor(images)):
        expected = F.cross_entropy(upsample(logits, (32, 40)), labels, ignore_index=255)
        torch.testing.assert_close(source.losses[name], expected)
    clip = model.four_frames(batch['target'])
    pseudo_labels = model.pseudo_labels(clip, is_flipped)
    student = model.segmentor(model.student_input(clip, scale))
    for name, level, logits in zip(('loss_tps', 'loss_tps_aux'), ('main', 'aux'), student):
        assert pseudo_labels[level].shape == (2, 8, 12)
        expected = F.cross_entropy(upsample(logits, (8, 12)), pseudo_labels[level])
        torch.testing.assert_close(target.losses[name], expected)
    assert model.loss_weights == dict(loss_seg_aux=0.2, loss_tps=0.3, loss_tps_aux=pytest.approx(0.06))


def test_scales_and_flips_are_drawn_from_their_ranges():
    torch.manual_seed(0)
    model = tiny_tps(scales=(0.5, 0.75), flip_prob=0.25)
    draws = [model.draw() for _ in range(400)]
    assert all(0.5 <= scale <= 0.75 for _, scale in draws)
    assert 60 < sum(is_flipped for is_flipped, _ in draws) < 140


def test_the_teacher_leaves_statistics_and_modes_alone():
    torch.manual_seed(0)
    model = sharpen(tiny_tps()).train()
    model.segmentor.decode_head.eval()
    state, modes = state_of(model), [module.training for module in model.modules()]
    batch = model.data_preprocessor(two_frame_batch(), training=True)
    clip = model.four_frames(batch['target'])
    labels = model.pseudo_labels(clip)
    assert [module.training for module in model.modules()] == modes
    assert all(torch.equal(value, state[name]) for name, value in state_of(model).items() if 'segmentor' in name)
    assert torch.equal(still_statistics(model).pseudo_labels(clip)['main'], labels['main'])


def test_target_statistics_are_those_of_the_frame_as_it_is():
    torch.manual_seed(0)
    model = tiny_tps(batch_statistics='target').train()
    other = deepcopy(model.segmentor)
    frames = model.data_preprocessor(two_frame_batch(), training=True)['target']['frames']
    other(model.data_preprocessor.normalize(frames[:, -1]), mode='tensor')
    model.train_step(two_frame_batch(), optimizers(model))
    for name in ('running_mean', 'running_var'):
        torch.testing.assert_close(getattr(model.segmentor.backbone.norm, name), getattr(other.backbone.norm, name))


def test_too_few_frames_and_impossible_arguments_are_refused():
    model = tiny_tps(interval=2)
    with pytest.raises(ValueError, match=r'needs 4 target frames, got 3: set frames=4'):
        model.four_frames(model.data_preprocessor(two_frame_batch(), training=True)['target'])
    for wrong in (dict(interval=0), dict(scales=(0.0, 1.0)), dict(scales=(1.2, 0.8))):
        with pytest.raises(ValueError, match='interval must be at least 1 and scales rise'):
            tiny_tps(**wrong)
