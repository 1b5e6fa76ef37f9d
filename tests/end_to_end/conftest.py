import itertools

import pytest

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
    'tps': 'configs/tps/deeplabv2_r18_streetworld.py',
}
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
        resize(train.dataset.source.pipeline, SOURCE_SIZE)
        for pipeline in (train.dataset.target.pipeline, val.dataset.pipeline):
            resize(pipeline, TARGET_SIZE)
        config.model.segmentor.backbone.base_channels = 4
        config.model.segmentor.decode_head.in_channels = 32
        if 'auxiliary_head' in config.model.segmentor:
            config.model.segmentor.auxiliary_head.in_channels = 16
        config.train_cfg.update(max_iters=6, val_interval=100)
        config.default_hooks.checkpoint.update(interval=3)
        config.default_hooks.logger.update(interval=1)
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


def _end_workers(iterator):
    """Tell data workers to end; garbage collection closes their queues in any order, and then waits 5 s for each."""
    if hasattr(iterator, '_shutdown_workers'):
        iterator._shutdown_workers()
