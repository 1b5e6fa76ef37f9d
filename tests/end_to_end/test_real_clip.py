"""The main job on real frames: the folder named by I2VDA_REAL_CLIP holds consecutive Cityscapes frames."""

import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from i2vda_mmseg.apis.launch import build_runner

CLIP = os.environ.get('I2VDA_REAL_CLIP')


@pytest.mark.slow
@pytest.mark.skipif(CLIP is None, reason='I2VDA_REAL_CLIP names no folder of real frames')
def test_trains_and_tests_on_a_short_real_clip(tiny_config, tmp_path):
    root = tmp_path / 'cityscapes'
    frames = sorted(Path(CLIP).glob('*_leftImg8bit.png'))
    folder = root / 'leftImg8bit_sequence' / 'clip' / frames[0].name.split('_')[0]
    folder.mkdir(parents=True)
    for frame in frames:
        shutil.copy(frame, folder)
    labels = root / 'gtFine' / 'clip' / folder.name
    labels.mkdir(parents=True)
    width, height = Image.open(frames[-1]).size
    raw = np.where(np.arange(height)[:, None] < height // 2, 23, 7).repeat(width, 1).astype(np.uint8)
    Image.fromarray(raw).save(labels / frames[-1].name.replace('leftImg8bit', 'gtFine_labelIds'))

    config = tiny_config('i2vda', tmp_path / 'work', **{'train_cfg.max_iters': 10, 'train_cfg.val_interval': 10})
    config.train_dataloader.dataset.target.update(data_root=str(root), split='clip', pairs='consecutive')
    config.val_dataloader.dataset.update(data_root=str(root), split='clip')
    for pipeline in (config.train_dataloader.dataset.source.pipeline, config.val_dataloader.dataset.pipeline):
        next(step for step in pipeline if step.type == 'Resize').scale = (512, 256)
    config.train_dataloader.dataset.target.pipeline[1].transforms[0].scale = (512, 256)
    config.test_dataloader = config.val_dataloader
    runner = build_runner(config)
    runner.train()
    metrics = runner.test()
    assert set(metrics) >= {'mIoU', 'IoU/road', 'IoU/sky'}
    assert (tmp_path / 'work' / 'iter_10.pth').is_file()
