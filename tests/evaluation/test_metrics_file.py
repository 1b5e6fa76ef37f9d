import errno
import json
import os
from importlib.metadata import version
from pathlib import Path

import pytest
import torch

import i2vda_mmseg
from i2vda_mmseg.evaluation import write_metrics

METRICS = {'aAcc': 90.5, 'mIoU': 40.25, 'IoU/road': 80.5, 'IoU/traffic light': 0.0, 'IoU/bus': float('nan')}


def read(path):
    def refuse(constant):
        raise AssertionError(f'{constant} is no JSON')

    return json.loads(path.read_text(encoding='utf-8'), parse_constant=refuse)


def test_figures_and_facts(tmp_path):
    path = tmp_path / 'new' / 'run' / 'metrics.json'
    assert write_metrics(path, METRICS, protocol='viper15', checkpoint='iter_6.pth') == path
    report = read(path)
    versions = report.pop('versions')
    assert report == dict(
        protocol='viper15',
        checkpoint='iter_6.pth',
        aAcc=90.5,
        mIoU=40.25,
        IoU={'road': 80.5, 'traffic light': 0.0, 'bus': None},
    )
    assert list(report['IoU']) == ['road', 'traffic light', 'bus']  # in the order of the classes
    assert versions.keys() == {'i2vda_mmseg', 'torch', 'mmengine', 'mmcv', 'mmseg'}
    assert versions['i2vda_mmseg'] == i2vda_mmseg.__version__
    assert versions['torch'].startswith(version('torch').partition('+')[0])


@pytest.mark.parametrize('absent', [float('nan'), float('inf'), torch.tensor(float('nan'))])
def test_a_figure_that_is_none_becomes_null(tmp_path, absent):
    report = read(write_metrics(tmp_path / 'metrics.json', {'mIoU': absent, 'mAcc': torch.tensor(1.5)}))
    assert (report['mIoU'], report['mAcc'], report['IoU']) == (None, 1.5, {})


def test_no_fact_and_no_odd_figure_costs_the_figures(tmp_path):
    facts = dict(TC_switches=dict(eta=float('inf')), TC_clip_list=Path('val.lst'), TC_flow={1: {2}}, sizes=(512, 1024))
    odd = {'note': 'of another metric', 'table': {'a': (1, float('nan'))}, 'mIoU/road': 7.0, 'config/x': 2.0}
    report = read(write_metrics(tmp_path / 'metrics.json', METRICS | odd, config='a.py', **facts))
    assert (report['mIoU'], report['IoU']['road'], report['mIoU/road'], report['config/x']) == (40.25, 80.5, 7.0, 2.0)
    assert report['TC_switches'] == {'eta': 'inf'}
    assert (report['TC_clip_list'], report['TC_flow'], report['sizes']) == ('val.lst', {'1': '{2}'}, [512, 1024])
    assert (report['note'], report['table']) == ('of another metric', {'a': [1, 'nan']})


def test_replaces_an_earlier_report_at_once(tmp_path):
    path = write_metrics(tmp_path / 'metrics.json', METRICS)
    write_metrics(path, {'mIoU': 1.0})
    assert read(path)['mIoU'] == 1.0
    assert read(path)['IoU'] == {}
    assert list(tmp_path.iterdir()) == [path]


def test_a_report_that_fails_leaves_the_earlier_one(tmp_path, monkeypatch):
    path = write_metrics(tmp_path / 'metrics.json', METRICS)

    def disk_full(descriptor):
        raise OSError(errno.ENOSPC, 'No space left on device')

    monkeypatch.setattr(os, 'fsync', disk_full)
    with pytest.raises(OSError, match='No space left'):
        write_metrics(path, {'mIoU': 1.0})
    assert list(tmp_path.iterdir()) == [path]
    assert read(path)['mIoU'] == 40.25
