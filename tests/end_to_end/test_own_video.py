"""The config of README's "Your own video", word for word: checked, trained, and shown."""

import re

import numpy as np
import pytest
from datasets import trees
from mmseg.registry import DATASETS

from i2vda_mmseg.apis import segment_video, tc_metric
from i2vda_mmseg.apis.launch import build_runner, load_config
from i2vda_mmseg.apis.selection import select_checkpoint
from i2vda_mmseg.apis.testing import clip_pairs
from i2vda_mmseg.datasets.checking import check_data
from i2vda_mmseg.engine.frame_predictor import FramePredictor, find_test_dataset
from i2vda_mmseg.engine.loops.clip_test_loop import clip_dataloader
from i2vda_mmseg.errors import ConfigError
from i2vda_mmseg.reporting.clip import find_clip

SIZE = (64, 32)  # width, height of all frames in the networks
DRIVES = {'drive_1': range(98, 104), 'drive_2': range(0, 12, 3)}


@pytest.fixture
def config(tmp_path, monkeypatch, request):
    """The snippet, on a drive of nine frames and another one of every third frame, with tiny networks."""
    root = request.config.rootpath
    section = (root / 'README.md').read_text().split('### Your own video')[1]
    snippet = re.search(r'```python\n(.*?)```', section, re.DOTALL)[1]
    (tmp_path / 'mine.py').write_text(snippet.replace("_base_ = '", f"_base_ = '{root}/configs/"))
    trees.viper(tmp_path / 'data/viper')
    for drive, numbers in DRIVES.items():
        for number in numbers:
            path = tmp_path / f'data/mine/frames/{drive}/{number:06d}.jpg'
            trees.write_image(path, np.roll(trees.image(0, 48, 80), number, axis=1))
    monkeypatch.chdir(tmp_path)
    return load_config('mine.py', None, 'run')


def shrink(steps):
    for step in steps:
        if step.type == 'Resize':
            step.scale = SIZE
        shrink(step.get('transforms', []))


def test_nothing_is_wrong_with_its_data(config):
    report = check_data(config)
    assert [(item.role, item.samples, item.files) for item in report.summaries][1:] == [('train target', 5 + 3, 10)]
    assert report.faults == []
    assert not [text for item in report.summaries for text in item.warnings if 'clips' in text]


def test_it_trains_and_segments(config, tmp_path):
    dataset = config.train_dataloader.dataset
    for steps in (dataset.source.pipeline, dataset.target.pipeline, config.test_pipeline):
        shrink(steps)
    config.model.segmentor.backbone.update(base_channels=4, depth=50, init_cfg=None)
    config.model.segmentor.decode_head.in_channels = 128
    config.train_cfg.update(max_iters=2)
    config.train_dataloader.update(num_workers=0, persistent_workers=False)
    config.default_hooks.proxy_copy.update(launch=1)
    build_runner(config).train()
    predictor = FramePredictor.load(config, tmp_path / 'run/iter_2.pth')
    metric = tc_metric(config)
    summary = segment_video(predictor, tmp_path / 'data/mine/frames/drive_2', tmp_path / 'out.mp4', metrics=[metric])
    assert summary.frames == 4
    assert 0 <= summary.tc[0] <= 1
    ranked = select_checkpoint(tmp_path / 'run', config, frames=8)
    assert ranked['frames'] == dict(
        source='data/mine', frames=8, pairs=4, rule='pairs of consecutive frames, evenly spread over all 8'
    )
    assert ranked['checkpoints'][0]['criteria']['temporal_consistency'] is not None


def test_its_clips_are_found_for_flow_caches_and_pages(config):
    dataset = DATASETS.build(clip_dataloader(config)['dataset'])
    clips = [dataset.get_data_info(index)['clip'] for index in range(len(dataset))]
    assert clips == ['drive_1/000098'] * 6 + ['drive_2/000000'] * 4
    pairs = DATASETS.build(clip_pairs(config)[0])
    assert len(pairs) == 5 + 3
    assert find_clip(config, 'drive_2/000003.jpg', 3).names == ['000000', '000003', '000006']
    with pytest.raises(FileNotFoundError, match='drive_1/000003'):
        find_clip(config, 'drive_1/000003.jpg', 3)


def test_frames_are_prepared_as_in_the_test_or_in_the_validation(config, request):
    assert find_test_dataset(config).data_prefix == dict(img_path='frames')
    assert find_test_dataset(config).pipeline == config.test_pipeline
    base = load_config(str(request.config.rootpath / 'configs/i2vda/deeplabv2_r101_viper2cs_dis.py'))
    assert find_test_dataset(base) == base.test_dataloader.dataset
    base.test_dataloader, base.val_dataloader.dataset.data_root = None, 'elsewhere'
    assert find_test_dataset(base).data_root == 'elsewhere'
    config.pop('test_pipeline')
    with pytest.raises(ConfigError, match='test_dataloader: there is none'):
        find_test_dataset(config)
