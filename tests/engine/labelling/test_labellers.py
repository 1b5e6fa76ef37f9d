import json
import logging
from copy import deepcopy
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from datasets import trees
from helpers import sharpen
from mmseg.registry import DATASETS, MODELS, TASK_UTILS
from staged_runs import LABELLED, make_trees, staged_config

from i2vda_mmseg.engine.labelling import ClassBalancedLabeller, EntropyRankLabeller, Labeller
from i2vda_mmseg.fileio.pseudo_labels import read_labels, read_soft_labels
from i2vda_mmseg.ops import class_balanced_labels, class_balanced_soft_labels, normalized_entropy


@pytest.fixture(scope='module')
def runner(tmp_path_factory):
    """What a labeller needs of a runner: a config, a model, a log."""
    folder = make_trees(tmp_path_factory.mktemp('trees'))
    config = staged_config(folder, folder / 'run')
    torch.manual_seed(0)
    model = sharpen(MODELS.build(config.model), factor=60.0)
    return SimpleNamespace(cfg=config, model=model, logger=logging.getLogger('labelling'))


def predictions(labeller, runner, folder):
    frames = labeller.frames(runner, str(folder))
    found = dict(labeller.predictions(runner, frames, 'test'))
    names = ['/'.join(frames.get_data_info(i)['img_path'].split('/')[-2:]) for i in found]
    return [name.removesuffix('_leftImg8bit.png') for name in names], torch.cat(list(found.values()))


def test_every_labelled_frame_is_predicted_in_eval_mode(runner, tmp_path):
    runner.model.train()
    names, probs = predictions(Labeller(), runner, tmp_path)
    assert names == LABELLED
    assert probs.shape == (6, 15, 32, 48)
    torch.testing.assert_close(probs.sum(dim=1), torch.ones(6, 32, 48))
    assert torch.equal(probs, predictions(Labeller(), runner, tmp_path)[1])  # no running statistics have moved
    assert runner.model.training


def test_scales_and_mirrors_are_averaged(runner):
    images = torch.randn(1, 3, 32, 48, generator=torch.Generator().manual_seed(0))
    runner.model.eval()
    parts = []
    with torch.no_grad():
        for size in ((32, 48), (16, 24)):
            small = F.interpolate(images, size, mode='bilinear', align_corners=True)
            for mirror in (lambda x: x, lambda x: x.flip(-1)):
                logits = mirror(runner.model.logits(mirror(small)))
                logits = F.interpolate(logits, (32, 48), mode='bilinear', align_corners=True)
                parts.append(logits.softmax(dim=1))
    found = Labeller(scales=(1.0, 0.5), flip=True).probs(runner.model, images)
    torch.testing.assert_close(found, sum(parts) / 4)


def test_labels_are_of_the_frame_without_its_padding(runner, tmp_path, monkeypatch):
    seen = []

    def probs(self, model, images):
        seen.append(images)
        places = torch.arange(images[0, 0].numel(), dtype=torch.float32)
        return places.reshape(1, 1, *images.shape[-2:])

    monkeypatch.setattr(Labeller, 'probs', probs)
    monkeypatch.setattr(runner.model.data_preprocessor, 'test_cfg', dict(size_divisor=20))
    _, found = predictions(Labeller(), runner, tmp_path)
    assert seen[0].shape[-2:] == (40, 60)
    assert torch.equal(found[0, 0], torch.arange(2400.0).reshape(40, 60)[:32, :48])


@pytest.mark.parametrize('alpha', [0.0, 0.25])
def test_class_balanced_labels_follow_from_sorted_confidences(runner, tmp_path, alpha):
    labeller = ClassBalancedLabeller(portion=0.3, alpha=alpha, rare_share=0.03)
    labeller(runner, str(tmp_path))
    names, probs = predictions(labeller, runner, tmp_path)
    confidence, predicted = probs.max(dim=1)
    thresholds = torch.ones(15)
    for label in range(15):
        every_fourth = [c[p == label][::4] for c, p in zip(confidence, predicted)]
        descending = torch.cat(every_fourth).sort(descending=True).values
        if rank := int(0.3 * len(descending)):
            thresholds[label] = descending[rank - 1]
    report = json.loads((tmp_path / 'thresholds.json').read_text())
    torch.testing.assert_close(torch.tensor(report['thresholds']), thresholds, rtol=0, atol=3e-4)
    assert report['predicted'] == predicted.flatten().bincount(minlength=15).tolist()
    share = np.array(report['predicted']) / sum(report['predicted'])
    assert json.loads((tmp_path / 'rare_classes.json').read_text()) == np.flatnonzero(share < 0.03).tolist()
    written = torch.tensor(report['thresholds'])
    soft, selected = class_balanced_soft_labels(probs, written, alpha or 1.0)
    hard = soft.argmax(dim=1).masked_fill(~selected, 255) if alpha else class_balanced_labels(probs, written)
    for index, name in enumerate(names):
        path = str(tmp_path / f'{name}.png')
        assert (read_labels(path) == hard[index].numpy()).all()
        if alpha:
            expected = (soft[index] * selected[index]).numpy()
            assert np.abs(read_soft_labels(path) / 255 - expected).max() < 0.5 / 255 + 1e-6
    assert 0.2 < (hard != 255).float().mean() < 0.6


def test_frames_are_ranked_by_their_entropy(runner, tmp_path):
    EntropyRankLabeller(easy_share=0.67)(runner, str(tmp_path))
    names, probs = predictions(Labeller(), runner, tmp_path)
    order = normalized_entropy(probs.log()).double().mean(dim=(1, 2)).argsort().tolist()
    ranked = [f'{names[index]}_leftImg8bit.png' for index in order]
    assert (tmp_path / 'easy.txt').read_text().split() == ranked[:4]
    assert (tmp_path / 'hard.txt').read_text().split() == ranked[4:]
    for index, name in enumerate(names):
        assert (read_labels(str(tmp_path / f'{name}.png')) == probs[index].argmax(dim=0).numpy()).all()


def test_frames_of_equal_names_in_folders_of_folders_are_told_apart(runner, tmp_path):
    names = [f'{drive}/ulm/ulm_000000_{number:06d}' for drive in 'ab' for number in (18, 19)]
    root = trees.cityscapes(tmp_path / 'cityscapes', names, names[1::2])
    target = dict(runner.cfg.train_dataloader.dataset.target, data_root=str(root))
    cfg = deepcopy(runner.cfg)
    cfg.train_dataloader.dataset.target = target
    EntropyRankLabeller(easy_share=0.5)(
        SimpleNamespace(cfg=cfg, model=runner.model, logger=runner.logger), str(tmp_path)
    )
    lists = [str(tmp_path / name) for name in ('easy.txt', 'hard.txt')]
    found = [DATASETS.build(dict(target, ann_file=path)) for path in lists]
    paths = [dataset.get_data_info(0)['img_path'].split('/train/')[1] for dataset in found]
    assert sorted(paths) == [f'{name}_leftImg8bit.png' for name in names[1::2]]
    assert [len(dataset) for dataset in found] == [1, 1]


def test_pairs_that_no_list_can_name_are_refused(runner, tmp_path, monkeypatch):
    target = runner.cfg.train_dataloader.dataset.target
    monkeypatch.setattr(target, 'pairs', 'consecutive')
    with pytest.raises(ValueError, match=r"target\.pairs='labelled', got 'consecutive'"):
        TASK_UTILS.build(dict(type='EntropyRankLabeller'))(runner, str(tmp_path))
