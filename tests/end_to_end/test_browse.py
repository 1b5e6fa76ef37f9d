"""What a training reads is shown as it reads it."""

import runpy
import sys

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.runner import Runner
from mmseg.registry import MODELS
from PIL import Image

from i2vda_mmseg.apis.browse import Browser
from i2vda_mmseg.errors import ConfigError
from i2vda_mmseg.ops import consistency_mask, inside
from i2vda_mmseg.visualization import label_to_rgb


def rgb(inputs):
    return inputs.flip(0).permute(1, 2, 0).numpy()


def cells(side):
    return {caption.partition(' (')[0]: image for caption, image in side.cells}


@pytest.mark.parametrize('method', ['i2vda', 'fda', 'adaptsegnet'])
def test_samples_are_those_that_the_training_reads(tiny_config, tmp_path, method):
    config = tiny_config(method, tmp_path / 'work')
    loader = dict(config.train_dataloader, num_workers=0, persistent_workers=False)
    batches = iter(Runner.build_dataloader(Config(dict(loader=loader)).loader, seed=config.randomness.seed))
    next(batches)
    batch = next(batches)
    browser = Browser(config)
    shown = list(browser.samples(2, iteration=1))
    assert [sample.name for sample in shown] == ['Iteration 1, sample 0', 'Iteration 1, sample 1']
    for i, sample in enumerate(shown):
        source, target = sample.sides
        read = batch['source']['inputs'][i].float().round().clamp(0, 255).byte()
        np.testing.assert_array_equal(cells(source)['Image'], rgb(read))
        labels = batch['source']['data_samples'][i]
        drawn = label_to_rgb(labels.gt_sem_seg.data[0].numpy(), browser.metainfo['palette'])
        np.testing.assert_array_equal(cells(source)['Label'], drawn)
        assert source.paths == [labels.img_path, labels.seg_map_path]
        for number in (0, 1):
            frame = batch['target']['inputs'][i][number]
            np.testing.assert_array_equal(cells(target)[f'Frame I_{{{number}}}'], rgb(frame))


def test_flow_and_mask_are_those_of_the_training(tiny_config, tmp_path):
    config = tiny_config('i2vda', tmp_path / 'work')
    config.train_dataloader.dataset.target.pipeline.insert(2, dict(type='EstimateFlow', estimator=dict(type='DISFlow')))
    config.model.pseudo_label_head.eta = 0.4
    browser = Browser(config)
    target = next(browser.samples(1)).sides[1]
    data = browser._dataset[browser._sampler.index_at(0)]['target']['data_samples']
    flows = [data.get(f'flow_{name}').data[None] for name in ('01', '10')]
    mask = consistency_mask(*flows, 0.4, frame='1')[0].numpy()
    np.testing.assert_array_equal(cells(target)['Validity mask'][..., 0] == 255, mask)
    captions = [caption for caption, _ in target.cells]
    assert f'Validity mask ({mask.mean():.0%} kept)' in captions
    (flow,) = (each for each in captions if each.startswith('Flow'))
    assert f'median {flows[1].norm(dim=1).median():.1f} px' in flow
    # made here where the pipeline makes none: the same
    config.train_dataloader.dataset.target.pipeline.pop(2)
    again = next(Browser(config).samples(1)).sides[1]
    np.testing.assert_array_equal(cells(again)['Validity mask'], cells(target)['Validity mask'])


def test_where_flow_comes_from_is_said(tiny_config, tmp_path):
    config = tiny_config('adaptsegnet', tmp_path / 'work')
    assert Browser(config).flow_note == 'Flow by DISFlow; the training uses none'
    config.model.flow_estimator = dict(type='MMFlow', model=dict(type='FlowNet2'))
    assert Browser(config).flow_note.startswith('Flow by DISFlow, in place of MMFlow')
    del config.model['flow_estimator']
    estimator = dict(type='DISFlow', preset='fast')
    config.model.refinement = dict(type='PseudoLabelRefinement', flow_estimator=estimator, eta=0.3)
    browser = Browser(config)
    assert browser.flow_note == 'Flow by DISFlow'
    cell = cells(next(browser.samples(1)).sides[1])
    frames = [torch.from_numpy(cell[f'Frame I_{{{i}}}'].copy()).permute(2, 0, 1)[None].float() for i in (0, 1)]
    flows = [MODELS.build(estimator)(*pair) for pair in (frames, frames[::-1])]
    mask = (consistency_mask(*flows, 0.3) & inside(flows[1]))[0].numpy()
    np.testing.assert_array_equal(cell['Validity mask'][..., 0] == 255, mask)
    assert 0 < mask.mean() < 1


def test_other_data_sets_and_numbers_are_refused(tiny_config, tmp_path):
    config = tiny_config('source_only', tmp_path / 'work')
    with pytest.raises(ValueError, match='expected at least 1 sample from iteration 0 or later, got 0 from 0'):
        next(Browser(config).samples(0))
    config.train_dataloader.dataset = config.train_dataloader.dataset.source
    with pytest.raises(ConfigError, match=r'train_dataloader\.dataset: expected a DomainPairDataset'):
        Browser(config)


def test_the_tool_writes_a_page_and_pictures(tiny_config, tmp_path, monkeypatch, capsys, request):
    config = tiny_config('davsn', tmp_path / 'work')
    (tmp_path / 'drive.py').write_text(config.pretty_text)
    line = ['browse.py', 'drive.py', '--count', '3', '--pictures', 'pictures']
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, 'argv', line)
    with torch.random.fork_rng(), pytest.raises(SystemExit) as ended:
        runpy.run_path(f'{request.config.rootpath}/tools/browse.py', run_name='__main__')
    assert ended.value.code == 0, capsys.readouterr().err
    names = sorted(path.name for path in (tmp_path / 'pictures').iterdir())
    assert names == [f'{number:03d}_{side}.png' for number in range(3) for side in ('source', 'target')]
    assert Image.open(tmp_path / 'pictures/002_target.png').width > 500
    page = (tmp_path / 'browse.html').read_text()
    assert page.count('<img src="data:image/') == 3 * (3 + 5)
    for part in ('Iteration 1, sample 0', 'Validity mask (', 'Flow F<sub>10</sub> (median', 'Source, 72x40', 'bicycle'):
        assert part in page
    assert 'src="http' not in page
