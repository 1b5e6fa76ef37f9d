"""The four stages of FDA in one run: a network for each band, then one on the pseudo-labels of their average."""

import json
import math
import shutil
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from mmengine.dataset import pseudo_collate
from mmseg.registry import MODELS
from PIL import Image

from i2vda_mmseg.engine.labelling import Labeller
from i2vda_mmseg.engine.launch import build_runner

STAGES = (2, 2, 2, 3)
NEAR = 4e-4  # a threshold is as exact as the bins of the labeller's histogram


@pytest.fixture
def fda_config(tiny_config):
    def build(folder, **options):
        config = tiny_config('fda', folder)
        pipeline = config.train_dataloader.dataset.source.pipeline
        next(step for step in pipeline if step.type == 'Resize').scale = (80, 40)
        next(step for step in pipeline if step.type == 'RandomCrop').crop_size = (32, 64)
        for stage, iters, beta in zip(config.train_cfg.stages, STAGES, (0.04, 0.1, 0.2, 0.04)):
            stage.iters = iters
            stage.dataset.joint_pipeline[0].beta = beta
        config.train_cfg.max_iters = None
        config.default_hooks.checkpoint.update(interval=1, max_keep_ckpts=-1)
        config.merge_from_dict(options)
        return config

    return build


def state(path):
    return torch.load(path, weights_only=True)['state_dict']


def same(first, second):
    return first.keys() == second.keys() and all(torch.equal(first[key], second[key]) for key in first)


def log_of(folder):
    (log,) = folder.glob('*/vis_data/scalars.json')
    return [line for line in map(json.loads, log.read_text().splitlines()) if 'loss_seg' in line]


def labels_in(folder):
    paths = sorted((folder / 'pseudo_labels' / 'stage_3').rglob('*.png'))
    return {path.name: np.array(Image.open(path)) for path in paths}


def labels_by_sorting(config, checkpoints):
    """FDA's pseudo-labels from the networks of the first stages, with all confidences in one list; -1 = a near miss."""
    models = [MODELS.build(config.model).eval() for _ in checkpoints]
    for model, path in zip(models, checkpoints):
        model.load_state_dict(state(path))
    frames = Labeller().frames(SimpleNamespace(cfg=config), 'labels')
    confidence, labels = {}, {}
    for i, sample in enumerate(frames):
        images = models[0].data_preprocessor(pseudo_collate([sample]))['inputs']
        with torch.no_grad():
            probs = sum(model.segmentor(images, mode='tensor').softmax(1) for model in models) / 3
        probs = F.interpolate(probs, (32, 64), mode='bilinear', align_corners=True)[0].numpy()
        name = Path(frames.get_data_info(i)['pseudo_label_path']).name
        confidence[name], labels[name] = probs.max(0), probs.argmax(0)
    for label in range(15):
        ascending = np.sort(np.concatenate([confidence[name][labels[name] == label] for name in labels]))
        if count := len(ascending):
            threshold = min(ascending[min(round(0.66 * count), count - 1)], 0.9)
            for name, image in labels.items():
                near = (image == label) & (np.abs(confidence[name] - threshold) < NEAR)
                below = (image == label) & (confidence[name] < threshold)
                image[below] = 255
                image[near] = -1
    return labels


def test_one_command_trains_all_stages_and_resumes_in_each(fda_config, tmp_path):
    whole = tmp_path / 'whole'
    build_runner(fda_config(whole)).train()
    lines = log_of(whole)
    for line in lines:
        terms = {name for name in line if name.startswith('loss')} - {'loss'}
        assert terms == {'loss_seg', 'loss_ent'} | ({'loss_target'} if line['iter'] > 6 else set())
        assert all(math.isfinite(line[name]) for name in terms)
    assert [line['iter'] for line in lines] == list(range(1, 10))
    states = [state(whole / f'stage_{stage}.pth') for stage in range(4)]
    assert not any(same(states[i], states[j]) for i in range(4) for j in range(i))
    labels = labels_in(whole)
    assert {image.shape for image in labels.values()} == {(32, 64)}
    pixels = np.concatenate([image.ravel() for image in labels.values()])
    assert 0 < (pixels == 255).mean() < 0.67
    assert set(pixels.tolist()) <= {*range(15), 255}

    expected = labels_by_sorting(fda_config(tmp_path / 'anew'), [whole / f'stage_{stage}.pth' for stage in range(3)])
    assert labels.keys() == expected.keys()
    told = {name: image >= 0 for name, image in expected.items()}
    assert all((labels[name] == image)[told[name]].all() for name, image in expected.items())
    assert np.mean(list(told.values())) > 0.8

    folder = tmp_path / 'resumed'  # within a stage that has restarted
    shutil.copytree(whole, folder, ignore=shutil.ignore_patterns('iter_*', 'stage_3.pth', 'pseudo_labels', '2*'))
    build_runner(fda_config(folder, load_from=str(whole / 'iter_3.pth'), resume=True)).train()
    assert same(state(folder / 'stage_3.pth'), states[3])
    again = labels_in(folder)
    assert all(np.array_equal(again[name], image) for name, image in labels.items())
