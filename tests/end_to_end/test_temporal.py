"""Temporal consistency and protocols through the tools, on a tiny street."""

import json
import runpy
import sys
from contextlib import suppress

import numpy as np
import pytest
import torch
from mmseg.registry import DATASETS, MODELS

from i2vda_mmseg.apis.launch import load_config
from i2vda_mmseg.apis.testing import add_temporal_consistency, protocol_facts, use_protocol
from i2vda_mmseg.engine.loops.clip_test_loop import clip_dataloader
from i2vda_mmseg.evaluation import read_clip_counts

CLIPS, FRAMES = 2, 3


@pytest.fixture
def run(request, monkeypatch, capsys):
    """Run a tool in this process; gives what it printed."""

    def call(tool, *arguments):
        path = str(request.config.rootpath / 'tools' / f'{tool}.py')
        monkeypatch.setattr(sys, 'argv', [path, *map(str, arguments)])
        with suppress(SystemExit):
            runpy.run_path(path, run_name='__main__')
        return capsys.readouterr().out

    return call


def undecided(config):
    """A network that has not learnt anything, and yet does not say the same of every pixel."""
    model = MODELS.build(config.model).eval()
    sample = DATASETS.build(config.test_dataloader.dataset)[0]
    batch = model.data_preprocessor({name: [value] for name, value in sample.items()})
    with torch.no_grad():
        logits = model.segmentor(batch['inputs'], mode='tensor')
        model.segmentor.decode_head.convs[0].bias -= logits.mean((0, 2, 3))
    return model


@pytest.fixture
def tested(run, tiny_config, tmp_path):
    """Test an untrained network; gives its metrics.json."""
    torch.manual_seed(0)
    work = tmp_path / 'work'
    work.mkdir()
    config = tiny_config('source_only', work)
    torch.save(dict(state_dict=undecided(config).state_dict(), meta={}), work / 'iter_6.pth')
    (work / 'last_checkpoint').write_text(str(work / 'iter_6.pth'))
    names = iter(range(99))

    def call(*options):
        config.experiment_name = config.visualizer.name = f'{tmp_path.name}_{next(names)}'
        config.dump(tmp_path / 'config.py')
        run('test', tmp_path / 'config.py', work / 'iter_6.pth', *options)
        return json.loads((work / 'metrics.json').read_text())

    return call


def test_tc_beside_miou_online_and_from_a_cache(tested, run, tmp_path, world):
    report = tested('--tc')
    assert (report['protocol'], report['snapshot_rule'], report['is_last_checkpoint']) == ('viper15', 'last', True)
    assert 0 <= report['mIoU'] <= 100
    assert 0.05 < report['TC'] < 0.99
    assert 0 < report['flicker'] < 0.5
    assert (report['TC_preset'], report['TC_switches']['mask']) == ('clean', 'consistency')
    assert report['TC_flow'] == dict(type='DISFlow', preset='medium')
    assert (report['TC_clips'], report['TC_pairs']) == (CLIPS, CLIPS * (FRAMES - 1))
    shares = [share for share in report['TC_IoU'].values() if share is not None]
    assert report['TC'] == pytest.approx(np.mean(shares))
    assert list(report['TC_IoU']) == list(report['IoU'])
    counts = read_clip_counts(tmp_path / 'work/clips.json')
    assert {name: len(each.clips) for name, each in counts.items()} == dict(mIoU=CLIPS, TC=CLIPS)
    assert counts['TC'].changed.sum() / counts['TC'].valid.sum() == report['flicker']
    assert 'mIoU_interval' not in report  # two clips say little of others

    said = run('precompute_flow', tmp_path / 'config.py', '--clips', '--out', tmp_path / 'flow')
    assert f'{CLIPS * (FRAMES - 1)} pairs of 64x96' in said
    assert '--tc --tc-flow' in said
    cached = tested('--tc', '--tc-flow', tmp_path / 'flow', '--protocol', 'viper15-no-rider')
    assert cached['protocol'] == 'viper15-no-rider'
    assert cached['TC'] == pytest.approx(report['TC'], abs=5e-3)  # flow rounded to 1/64 px
    assert cached['TC_flow']['cached'] == report['TC_flow']
    assert cached['TC_flow_size'] == [64, 96]

    label = min(path.name for path in (world / 'cityscapes' / 'gtFine' / 'val').rglob('*labelIds.png'))
    (tmp_path / 'clips.lst').write_text(label)
    part = tested('--tc', '--tc-preset', 'etc', '--tc-clips', tmp_path / 'clips.lst')
    assert (part['TC_clips'], part['TC_clip_list']) == (1, str(tmp_path / 'clips.lst'))
    assert (part['TC_preset'], part['TC_switches']['flow_input']) == ('etc', 'imagenet')
    assert part['TC'] < report['TC']  # absent classes count as 0
    assert part['mIoU'] == report['mIoU']


def test_a_protocol_changes_data_and_metric_together(request):
    config = load_config(str(request.config.rootpath / 'configs/source_only/deeplabv2_r101_viper2cs.py'))
    use_protocol(config, 'viper15-no-rider')
    assert config.test_dataloader.dataset.class_space == config.test_evaluator.protocol == 'viper15-no-rider'
    with pytest.raises(ValueError, match="'viper15-no-rider' predicts 15 classes, but 'synthia11' is about 12 others"):
        use_protocol(config, 'synthia11')
    with pytest.raises(ValueError, match='protocol must be one of'):
        use_protocol(config, 'gta19')
    config.test_evaluator = dict(type='IoUMetric')
    with pytest.raises(ValueError, match='no metric with a protocol'):
        use_protocol(config, 'viper15')


def test_the_last_checkpoint(tmp_path):
    assert protocol_facts('viper15', str(tmp_path / 'a.pth'))['is_last_checkpoint'] is None
    (tmp_path / 'last_checkpoint').write_text('elsewhere/b.pth')
    assert protocol_facts('viper15', str(tmp_path / 'a.pth'))['is_last_checkpoint'] is False
    assert protocol_facts(None, str(tmp_path / 'b.pth')) == dict(
        protocol=None, snapshot_rule=None, is_last_checkpoint=True
    )


@pytest.mark.parametrize(('name', 'protocol'), [('viper', 'viper15'), ('synthia', 'synthia11')])
def test_clips_and_metric_of_a_config(request, name, protocol):
    config = load_config(str(request.config.rootpath / f'configs/i2vda/deeplabv2_r101_{name}2cs.py'))
    loader = clip_dataloader(config)
    assert loader['dataset']['class_space'] == config.test_dataloader.dataset.class_space
    assert [step['type'] for step in loader['dataset']['pipeline']] == ['LoadImage', 'Resize', 'PackSegInputs']
    add_temporal_consistency(config, 'etc', 'clips.lst', flow='model')
    evaluator = config.test_cfg.clip_evaluator
    assert (evaluator.preset, evaluator.protocol) == ('etc', protocol)
    assert evaluator.flow_estimator == config.model.flow_estimator
    assert config.test_cfg.clip_dataloader.dataset.clip_list == 'clips.lst'
    assert 'flow' not in config.test_cfg.clip_dataloader.dataset  # FlowNet2 runs where the model does
    config.tc_evaluator.update(mask='none', flow_size=(512, 1024))
    add_temporal_consistency(config)
    assert config.test_cfg.clip_dataloader.dataset.flow == dict(
        type='ClipFlow', estimator=dict(type='DISFlow'), size=(512, 1024), flows=['01']
    )
    add_temporal_consistency(config, 'etc')  # whose frames are not in 0..255
    assert 'flow' not in config.test_cfg.clip_dataloader.dataset
    with pytest.raises(ValueError, match='there is no absent'):
        add_temporal_consistency(config, flow='absent')
    del config.model.flow_estimator
    with pytest.raises(ValueError, match='has no flow_estimator'):
        add_temporal_consistency(config, flow='model')
    config.test_dataloader.dataset.type = 'ViperDataset'
    with pytest.raises(ValueError, match=r'needs clips, but test_dataloader\.dataset is a ViperDataset'):
        add_temporal_consistency(config)
