"""The four stages of FDA in one run: a network for each band, then one on the pseudo-labels of their average."""

import json
import math
import shutil

import numpy as np
import pytest
import torch
from PIL import Image

from i2vda_mmseg.apis.launch import build_runner

STAGES = (2, 2, 2, 3)


@pytest.fixture
def fda_config(tiny_config):
    def build(folder, **options):
        config = tiny_config('fda', folder)
        pipeline = config.train_dataloader.dataset.source.pipeline
        next(step for step in pipeline if step.type == 'Resize').scale = (80, 40)
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


@pytest.mark.slow
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

    folder = tmp_path / 'resumed'  # within a stage that has restarted
    shutil.copytree(whole, folder, ignore=shutil.ignore_patterns('iter_*', 'stage_3.pth', 'pseudo_labels', '2*'))
    build_runner(fda_config(folder, load_from=str(whole / 'iter_3.pth'), resume=True)).train()
    assert same(state(folder / 'stage_3.pth'), states[3])
    again = labels_in(folder)
    assert all(np.array_equal(again[name], image) for name, image in labels.items())
