import itertools

import helpers  # noqa: F401 - registers TinyBackbone
import numpy as np
import pytest
import torch
from mmseg.registry import MODELS
from torch import nn

from i2vda_mmseg.apis.export_runtimes import ExportSettings, export_runtimes
from i2vda_mmseg.apis.launch import build_runner, load_config
from i2vda_mmseg.streetworld import make_streetworld

CONFIGS = {
    'source_only': 'configs/source_only/deeplabv2_r18_streetworld.py',
    'adaptsegnet': 'configs/adaptsegnet/deeplabv2_r18_streetworld.py',
    'advent': 'configs/advent/deeplabv2_r18_streetworld.py',
    'minent': 'configs/advent/deeplabv2_r18_streetworld_minent.py',
    'fda': 'configs/fda/deeplabv2_r18_streetworld.py',
    'i2vda': 'configs/i2vda/deeplabv2_r18_streetworld.py',
    'davsn': 'configs/davsn/deeplabv2_r18_streetworld.py',
    'mic': 'configs/mic/deeplabv2_r18_streetworld_temporal.py',
    'hrda_accel': 'configs/hrda/deeplabv2_r18_streetworld_accel.py',
    'mic_judged': 'configs/mic/deeplabv2_r18_streetworld_video-discriminator.py',
    'tps': 'configs/tps/deeplabv2_r18_streetworld.py',
}
LARGE_SIZE = {'hrda_accel': (128, 64)}  # a discriminator judges half of it
MIXED = ('mic', 'mic_judged', 'hrda_accel')  # source and target of one size
SOURCE_SIZE, TARGET_SIZE = (72, 40), (64, 32)  # width, height: what takes one for the other does not get through
_numbers = itertools.count()


@pytest.fixture(scope='session')
def world(tmp_path_factory):
    """A StreetWorld of a few images of 64x96, with the frame before each."""
    folder = tmp_path_factory.mktemp('world') / 'streetworld'
    counts = dict(images=5, clips=3, val_clips=2, frames=3)
    return make_streetworld(folder, **counts, size=(64, 96), previous_frames=True, progress=False)


@pytest.fixture
def tiny_config(world, request):
    """Give a method's StreetWorld config, cut down to six iterations of 40x72 and 32x64 on the tiny world."""
    root = request.config.rootpath

    def build(method, work_dir, **options):
        config = load_config(str(root / CONFIGS[method]), None, str(work_dir))
        train, val = config.train_dataloader, config.val_dataloader
        train.dataset.source.data_root = str(world / 'viper')
        train.dataset.target.data_root = val.dataset.data_root = str(world / 'cityscapes')
        config.test_dataloader = val
        target_size = LARGE_SIZE.get(method, TARGET_SIZE)
        resize(train.dataset.source.pipeline, target_size if method in MIXED else SOURCE_SIZE)
        for pipeline in (train.dataset.target.pipeline, val.dataset.pipeline):
            resize(pipeline, target_size)
        config.model.segmentor.backbone.base_channels = 4
        config.model.segmentor.decode_head.in_channels = 32
        if 'auxiliary_head' in config.model.segmentor:
            config.model.segmentor.auxiliary_head.in_channels = 16
        config.train_cfg.update(max_iters=6, val_interval=100)
        config.default_hooks.checkpoint.update(interval=3)
        config.default_hooks.logger.update(interval=1)
        if method == 'hrda_accel':
            config.model.segmentor.attention_head.in_channels = [32]
            config.model.segmentor.detail_size = (32, 64)
        if method in MIXED:
            train.dataset.rare_class_sampling.update(min_pixels=5)
        if method == 'mic':
            config.model.temporal.pseudo_label_head.update(delta=1.0)
        if method == 'i2vda':
            config.default_hooks.proxy_copy.update(interval=2, launch=1)
            config.model.pseudo_label_head.update(delta=1.0)  # after six iterations nothing is certain
        config.merge_from_dict(options)
        config.experiment_name = config.visualizer.name = f'tiny_{next(_numbers)}'  # one process, several runs
        return config

    return build


def resize(pipeline, size):
    """Set the size of frames, and that of crops, which are always the target's."""
    for step in pipeline:
        if step.type == 'Resize':
            step.scale = size
        if 'crop_size' in step:
            step.crop_size = TARGET_SIZE[::-1]
        resize(step.get('transforms', []), size)


@pytest.fixture
def trained(tiny_config, tmp_path):
    """Train a method for six iterations and give its work dir."""

    def run(method='i2vda', name='run', **options):
        folder = tmp_path / name
        runner = build_runner(tiny_config(method, folder, **options))
        runner.train()
        _end_workers(runner.train_loop.dataloader_iterator._iterator)
        return folder

    return run


@pytest.fixture(scope='module')
def kept_runs():
    """Work dirs that the first test of a file has trained, for the others; which leave them as they are."""
    return {}


def _end_workers(iterator):
    """Tell data workers to end; garbage collection closes their queues in any order, and then waits 5 s for each."""
    if hasattr(iterator, '_shutdown_workers'):
        iterator._shutdown_workers()


@pytest.fixture(scope='session')
def frames():
    """Three frames of noise, (48, 80, 3), BGR."""
    return list(np.random.default_rng(0).integers(256, size=(3, 48, 80, 3), dtype=np.uint8))


@pytest.fixture
def network(tiny_config, tmp_path):
    """A config of a method with random weights, and their checkpoint."""

    def build(method='source_only', is_deeplab=False, **options):
        config = tiny_config(method, tmp_path / 'unused', **options)
        if method == 'source_only' and not is_deeplab:
            config.model.segmentor.backbone = dict(type='TinyBackbone')
            config.model.segmentor.decode_head.in_channels = 4
            config.model.segmentor.decode_head.update(in_index=0, dilations=(1, 2))
        torch.manual_seed(0)
        model = MODELS.build(config.model)
        for module in model.segmentor.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight)
            elif isinstance(module, nn.BatchNorm2d):
                module.running_mean.normal_(std=0.1)
                module.running_var.uniform_(0.5, 2.0)
        torch.save(dict(state_dict=model.state_dict(), meta={}), tmp_path / 'net.pth')
        return config, tmp_path / 'net.pth'

    return build


@pytest.fixture(scope='session')
def kept():
    """What the first test exported, for the others."""
    return {}


@pytest.fixture
def exported(network, frames, tmp_path, kept):
    """All formats of one network, with all outputs."""
    if not kept:
        config, checkpoint = network(is_deeplab=True)
        settings = ExportSettings(('onnx', 'openvino', 'pt2'), ('logits', 'probs', 'labels'))
        out = tmp_path / 'out' / 'net.onnx'
        kept['all'] = config, checkpoint, export_runtimes(config, checkpoint, out, frames, settings)
    return kept['all']
