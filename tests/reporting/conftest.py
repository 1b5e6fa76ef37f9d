"""Work dirs as the tools leave them, without training: random weights on a StreetWorld of two clips."""

import json

import numpy as np
import pytest
import torch
from mmengine.registry import init_default_scope
from mmseg.registry import MODELS

from i2vda_mmseg.apis.launch import load_config
from i2vda_mmseg.evaluation import ClipCounts, write_clip_counts, write_metrics
from i2vda_mmseg.streetworld import make_streetworld

CLASSES = ('road', 'sidewalk', 'building')


@pytest.fixture(scope='session')
def street(tmp_path_factory):
    """A StreetWorld of two val clips of three frames of 48x96."""
    return make_streetworld(
        tmp_path_factory.mktemp('report') / 'street', clips=0, val_clips=2, images=0, synthia_images=0, frames=3,
        size=(48, 96), progress=False,
    )  # fmt: skip


@pytest.fixture(scope='session')
def make_run(street, request):
    """Give a function that fills a work dir as a finished run would."""

    def make(folder, method='source_only', miou=50.0):
        init_default_scope('mmseg')
        stamp = folder / '20260102_030405'
        (stamp / 'vis_data').mkdir(parents=True)
        config = load_config(str(request.config.rootpath / f'configs/{method}/deeplabv2_r18_streetworld.py'))
        for loader in (config.val_dataloader, config.test_dataloader):
            loader.dataset.data_root = str(street / 'cityscapes')
        config.train_dataloader.dataset.target.data_root = str(street / 'cityscapes')
        config.train_dataloader.dataset.target.pipeline[1].transforms[0].scale = (64, 32)
        config.dump(str(stamp / 'vis_data/config.py'))
        torch.manual_seed(len(method))  # each method has weights of its own
        model = MODELS.build(config.model)
        torch.save(dict(state_dict=model.state_dict(), meta={}), folder / 'iter_40.pth')
        (folder / 'last_checkpoint').write_text(str(folder / 'iter_40.pth'))
        write_scalars(stamp, range(10, 41, 10), validations=(20, 40))
        log = '\n    Python: 3.11.7 (main, May) [GCC]\n    CUDA available: False\n    OpenCV: 5.0.0\n'
        (stamp / f'{stamp.name}.log').write_text(log)
        figures = dict(aAcc=miou + 20.123456, mIoU=miou + 0.123456, TC=0.654321, flicker=0.0123456, TC_pairs=4)
        figures |= {f'IoU/{name}': miou + number / 7 for number, name in enumerate(CLASSES)}
        figures |= {'IoU/bus': float('nan'), 'TC_IoU/road': 0.87654321}
        write_metrics(
            folder / 'metrics.json', figures, protocol='viper15', is_last_checkpoint=True,
            checkpoint=str(folder / 'iter_40.pth'), date='2026-01-02',
            TC_preset='clean', TC_switches=dict(warping='nearest', eta=1.0),
        )  # fmt: skip
        return folder

    return make


@pytest.fixture(scope='session')
def two_runs(make_run, tmp_path_factory):
    """Work dirs of source-only training and I2VDA, the second with its confusion."""
    folder = tmp_path_factory.mktemp('runs')
    runs = [make_run(folder / 'source_only'), make_run(folder / 'i2vda', 'i2vda', 55.0)]
    matrix = dict(classes=CLASSES, counts=[[90, 10, 0], [5, 15, 0], [0, 0, 0]])
    (runs[1] / 'confusion.json').write_text(json.dumps(matrix))
    return runs


@pytest.fixture(scope='session')
def count_clips():
    """Give a function that makes figures of counts on twelve clips, ``gain`` more or fewer of 100 pixels right."""

    def count(folder, gain, changed=20):
        rng = np.random.default_rng(0)  # the same clips, as hard for every run
        right = np.clip(rng.integers(30, 60, (12, 2)) + gain, 0, 100)
        names, classes = [f'roadburg/c{number:02d}' for number in range(12)], ('road', 'pole')
        columns = dict(intersection=right, union=np.full_like(right, 100))
        pixels = dict(changed=changed + rng.integers(0, 9, 12), valid=np.full(12, 200))
        counts = dict(mIoU=ClipCounts.of(names, classes, columns), TC=ClipCounts.of(names, classes, columns | pixels))
        write_clip_counts(folder / 'clips.json', counts)
        path = folder / 'metrics.json'
        figures = json.loads(path.read_text())
        ious = dict(zip(classes, (right.sum(0) / 1200).tolist()))
        figures |= dict(mIoU=100 * counts['mIoU'].figure(), TC=counts['TC'].figure())
        figures |= dict(flicker=pixels['changed'].sum() / 2400, TC_IoU=ious)
        figures |= dict(IoU={name: 100 * iou for name, iou in ious.items()})
        figures |= dict(mIoU_interval=dict(low=40.25, high=50.75, clips=12))
        path.write_text(json.dumps(figures))

    return count


def write_scalars(stamp, steps, validations=(), offset=0.0):
    """Log a loss of step / 100 and a share of kept pseudo-labels; validate with mIoU = step."""
    lines = []
    for step in steps:
        lines.append(dict(loss_seg=step / 100 + offset, pseudo_label_ratio=0.5, iter=step, step=step))
        if step in validations:
            lines.append(dict(mIoU=step + offset, step=step))
    (stamp / 'vis_data').mkdir(parents=True, exist_ok=True)
    text = '\n'.join(map(json.dumps, lines))
    (stamp / 'vis_data/scalars.json').write_text(text)
