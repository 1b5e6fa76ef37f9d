"""The labels of three averaged networks, against all confidences in one sorted list."""

import logging
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from helpers import MEAN, STD, data_sample, sharpen, tiny_method, tiny_segmentor_cfg
from mmengine.config import ConfigDict
from PIL import Image

from i2vda_mmseg.engine.labelling import MultiBandLabeller

NEAR = 4e-4  # a threshold is as exact as the bins of the labeller's histogram


class Frames:
    def __init__(self, folder, count=4):
        self.folder = folder
        self.images = torch.randint(256, (count, 3, 32, 48), dtype=torch.uint8)

    def __len__(self):
        return len(self.images)

    def __getitem__(self, index):
        return dict(inputs=self.images[index], data_samples=data_sample(ori_shape=(64, 96), img_shape=(32, 48)))

    def get_data_info(self, index):
        return dict(pseudo_label_path=f'{self.folder}/ulm/{index}.png')


def make_runner(folder, stages=3):
    bands = [sharpen(tiny_method('FDA')).eval() for _ in range(stages)]
    for stage, band in enumerate(bands):
        torch.save(dict(state_dict=band.state_dict()), folder / f'stage_{stage}.pth')
    preprocessor = dict(type='DomainDataPreprocessor', mean=MEAN, std=STD)
    model = ConfigDict(type='FDA', segmentor=tiny_segmentor_cfg(), data_preprocessor=preprocessor)
    cfg = ConfigDict(model=model, train_dataloader=dict(num_workers=0))
    logger = logging.getLogger('test')
    return SimpleNamespace(model=tiny_method('FDA').train(), cfg=cfg, work_dir=str(folder), logger=logger), bands


def test_labels_and_thresholds(tmp_path, monkeypatch):
    runner, bands = make_runner(tmp_path)
    frames = Frames(tmp_path / 'labels')
    labeller = MultiBandLabeller(rank=0.6, cap=0.8)
    monkeypatch.setattr(labeller, 'frames', lambda *_: frames)
    labeller(runner, str(frames.folder))
    assert runner.model.training

    images = bands[0].data_preprocessor.normalize(frames.images.float().flip(1))
    with torch.no_grad():
        probs = sum(band.segmentor(images, mode='tensor').softmax(1) for band in bands) / 3
    confidence, labels = F.interpolate(probs, (32, 48), mode='bilinear', align_corners=True).max(1)
    written = np.stack([np.array(Image.open(frames.folder / 'ulm' / f'{i}.png')) for i in range(len(frames))])
    for label in labels.unique():
        own = confidence[labels == label]
        ascending = sorted(own.tolist())
        threshold = min(ascending[min(round(0.6 * len(own)), len(own) - 1)], 0.8)
        result = torch.from_numpy(written)[labels == label]
        assert set(result.tolist()) <= {label.item(), 255}
        is_clear = (own - threshold).abs() > NEAR
        assert is_clear.float().mean() > 0.8
        assert torch.equal((result != 255)[is_clear], (own >= threshold)[is_clear])


def test_a_stage_without_weights_is_named(tmp_path, monkeypatch):
    runner, _ = make_runner(tmp_path, stages=2)
    labeller = MultiBandLabeller()
    monkeypatch.setattr(labeller, 'frames', lambda *_: Frames(tmp_path))
    with pytest.raises(FileNotFoundError, match=r'stage_2\.pth'):
        labeller(runner, str(tmp_path))
