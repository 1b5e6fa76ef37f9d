import numpy as np
import pytest
import torch
from built_leaf import CONFIGS
from mmengine.registry import init_default_scope
from mmseg.datasets.transforms import PackSegInputs
from mmseg.models import SegTTAModel
from mmseg.registry import MODELS, TRANSFORMS

from i2vda_mmseg.apis.launch import load_config
from i2vda_mmseg.apis.tta import augment_test, average_predictions
from i2vda_mmseg.errors import ConfigError
from i2vda_mmseg.fileio.images import write_image


@pytest.fixture
def config():
    return load_config(str(CONFIGS / 'i2vda/deeplabv2_r18_streetworld.py'))


class FakeRunner:
    """What is asked of a runner: a model, and to load."""

    def __init__(self, model):
        self.model = model
        self.loaded = False

    def load_or_resume(self):
        assert not isinstance(self.model, SegTTAModel)
        self.loaded = True


@pytest.mark.parametrize('resize_logits', ['once', 'twice'])
def test_probabilities_of_the_frame_and_its_mirror_image_are_averaged(config, tmp_path, resize_logits):
    init_default_scope('mmseg')
    torch.manual_seed(0)
    model = MODELS.build(dict(config.model, resize_logits=resize_logits)).eval()
    for parameter in model.segmentor.decode_head.parameters():
        parameter.data *= 100
    pixels = np.random.default_rng(0).integers(0, 256, (96, 192, 3), dtype=np.uint8)
    write_image(tmp_path / 'frame.png', pixels)
    augment_test(config, [1.0])
    steps = [step for step in config.test_dataloader.dataset.pipeline if step['type'] in ('LoadImage', 'TestTimeAug')]
    steps[-1]['transforms'] = [group for group in steps[-1]['transforms'] if 'Label' not in group[0]['type']]
    data = dict(img_path=str(tmp_path / 'frame.png'))
    for step in steps:
        data = TRANSFORMS.build(step)(data)
    runner = FakeRunner(model)
    average_predictions(runner)
    assert runner.loaded
    batch = dict(inputs=[[each] for each in data['inputs']], data_samples=[[each] for each in data['data_samples']])
    with torch.no_grad():
        (sample,) = runner.model.test_step(batch)
        views = [
            model.test_step(dict(inputs=[image], data_samples=[PackSegInputs()(plain(image))['data_samples']]))[0]
            for image in (data['inputs'][0], data['inputs'][0].flip(2))
        ]
    probs = [view.seg_logits.data.softmax(0) for view in views]
    expected = ((probs[0] + probs[1].flip(2)) / 2).argmax(0)
    assert torch.equal(data['inputs'][1], data['inputs'][0].flip(2))
    assert (sample.pred_sem_seg.data == expected).float().mean() > 0.999
    assert (probs[0].argmax(0) != expected).any()


def plain(image):
    size = tuple(image.shape[-2:])
    return dict(img=image.permute(1, 2, 0).numpy(), ori_shape=size, img_shape=size, pad_shape=size)


def test_each_ratio_is_a_size_of_its_own_and_labels_are_read_after_the_flip(config):
    before = [step['type'] for step in config.test_dataloader.dataset.pipeline]
    augment_test(config, [0.5, 1.0])
    *first, last = config.test_dataloader.dataset.pipeline
    sizes, mirrored, *rest = last['transforms']
    assert [tuple(step['scale']) for step in sizes] == [(96, 48), (192, 96)]
    assert [step['prob'] for step in mirrored] == [0.0, 1.0]
    assert [step['type'] for step in first] + ['Resize'] + [group[0]['type'] for group in rest] == before


def test_clips_are_left_out(config):
    config.test_cfg = dict(type='ClipTestLoop', clip_dataloader={}, clip_evaluator={})
    augment_test(config)
    assert config.test_cfg == dict(type='TestLoop')


def test_what_cannot_be_augmented_is_refused(config):
    with pytest.raises(ConfigError, match=r'--tta takes positive ratios, got \[0.0\]'):
        augment_test(config, [0.0])
    two = load_config(str(CONFIGS / 'davsn/deeplabv2_r18_streetworld.py'))
    with pytest.raises(ConfigError, match='needs single frames and one Resize'):
        augment_test(two)


def test_a_resize_to_a_square_is_one_number(config):
    config.test_dataloader.dataset.pipeline = [dict(type='LoadImage'), dict(type='Resize', scale=64)]
    augment_test(config, [0.5, 1.0])
    assert [step.scale for step in config.test_dataloader.dataset.pipeline[1].transforms[0]] == [(32, 32), (64, 64)]
