import pytest
import torch
from helpers import data_sample, sharpen, still_statistics, tiny_segmentor_cfg
from mmengine.runner.checkpoint import load_state_dict
from mmseg.registry import MODELS
from two_frame import tiny_tps, two_frame_batch

from i2vda_mmseg.errors import ConfigError


@pytest.fixture
def model():
    torch.manual_seed(0)
    model = still_statistics(sharpen(tiny_tps()))
    torch.nn.init.normal_(model.segmentor.sf_layer.weight)
    return model


def raw_frames(seed=0, size=2):
    """Frames as a pipeline with PackFramePair gives them, uint8 BGR."""
    generator = torch.Generator().manual_seed(seed)
    return [torch.randint(0, 256, (2, 3, 32, 48), generator=generator, dtype=torch.uint8) for _ in range(size)]


def samples(keys):
    return [data_sample(img_shape=(32, 48), ori_shape=(32, 48), frame_keys=key) for key in keys]


def test_tests_with_the_flow_from_the_frame_to_the_one_before(model):
    keys = [('a0', 'a1'), ('b0', 'b1')]
    model.flow_estimator.calls.clear()
    predictions = model.test_step(dict(inputs=raw_frames(), data_samples=samples(keys)))
    assert model.flow_estimator.calls == [((2, 3, 32, 48), [('a1', 'a0'), ('b1', 'b0')])]
    rgb = torch.stack(raw_frames()).float().flip(2)
    flow = model.flow_estimator(rgb[:, 1], rgb[:, 0])
    images = model.stacked(rgb[:, 1], rgb[:, 0], flow)
    expected = model.upsampled(model.segmentor(images)[0], images)
    for prediction, logits in zip(predictions, expected):
        torch.testing.assert_close(prediction.seg_logits.data, logits)


def test_the_start_of_a_clip_is_its_own_previous_frame_without_flow(model):
    still = raw_frames()[0][1:].repeat(2, 1, 1, 1)
    moving = raw_frames()[1]
    data = dict(inputs=[still, moving], data_samples=samples([('a', 'a'), ('a', 'b')]))
    model.flow_estimator.calls.clear()
    first, second = model.test_step(data)
    assert model.flow_estimator.calls == [((1, 3, 32, 48), [('b', 'a')])]
    (image,) = model.test_step(dict(inputs=[still[1]], data_samples=samples([('a',)])))
    torch.testing.assert_close(first.seg_logits.data, image.seg_logits.data)
    (alone,) = model.test_step(dict(inputs=[moving], data_samples=samples([('a', 'b')])))
    torch.testing.assert_close(second.seg_logits.data, alone.seg_logits.data)


def test_keys_of_some_frames_only_are_refused(model):
    data_samples = [*samples([('a', 'b')]), data_sample(img_shape=(32, 48), ori_shape=(32, 48))]
    with pytest.raises(ValueError, match='some samples of the batch carry frame_keys'):
        model.test_step(dict(inputs=raw_frames(), data_samples=data_samples))


def test_a_network_for_single_frames_is_refused():
    with pytest.raises(ConfigError, match=r"'TwoFrameEncoderDecoder' with one auxiliary_head, got 'EncoderDecoder'"):
        tiny_tps(segmentor=tiny_segmentor_cfg())
    with pytest.raises(
        ConfigError, match=r'takes exactly one, as a dict\. DA-VSN and TPS learn from two heads: give it'
    ):
        tiny_tps(
            segmentor=dict(tiny_segmentor_cfg(), type='TwoFrameEncoderDecoder', propagation=dict(type='BackwardWarp'))
        )


def test_single_source_images_are_refused(model):
    batch = two_frame_batch()
    batch['source']['inputs'] = [frames[1] for frames in batch['source']['inputs']]
    with pytest.raises(ValueError, match='set previous_frame=True in the source data set'):
        next(model.segmentor_passes(model.data_preprocessor(batch, training=True)))


def test_the_flow_estimator_is_in_no_checkpoint_and_stays_in_eval_mode(model):
    assert not [key for key in model.state_dict() if key.startswith('flow_estimator')]
    assert not [name for name, value in model.named_parameters() if 'flow' in name and value.requires_grad]
    model.train()
    assert not any(module.training for module in model.flow_estimator.modules())


def test_a_single_frame_checkpoint_starts_the_network_with_its_own_predictions():
    torch.manual_seed(1)
    plain = MODELS.build(tiny_segmentor_cfg())
    model = tiny_tps()
    load_state_dict(model, plain.state_dict(), strict=False)
    model.eval(), plain.eval()
    frames = torch.stack(raw_frames()).float()
    expected = plain(model.data_preprocessor.normalize(frames[:, 1]))
    torch.testing.assert_close(model(frames)[0], expected)


def test_flow_that_cannot_be_estimated_stops_a_training_and_no_building():
    model = tiny_tps(flow_estimator=dict(type='CachedFlow', root='absent'))
    with pytest.raises(FileNotFoundError, match='absent'):
        model.init_weights()


def test_frames_of_different_sizes_are_refused(model):
    small = torch.zeros(2, 3, 16, 24, dtype=torch.uint8)
    with pytest.raises(ValueError, match='frames of one batch differ in shape'):
        model.test_step(dict(inputs=[raw_frames()[0], small], data_samples=samples([('a', 'b'), ('c', 'd')])))
