import pytest
from mmengine.config import Config

from i2vda_mmseg.reporting.comparison import (
    comparison_warnings,
    config_differences,
    temporal_differences,
    version_rows,
)
from i2vda_mmseg.reporting.run_record import RunRecord


def run(name, **metrics):
    return RunRecord(name, None, metrics or None, {}, {}, None, {'Python': '3.11'}, [])


def test_comparable_runs_need_no_warning():
    same = dict(protocol='viper15', TC=0.5, TC_preset='clean', is_last_checkpoint=True)
    assert comparison_warnings([run('a', **same), run('b', **same), run('untested')]) == []


def test_other_protocols_other_presets_and_picked_checkpoints_are_told():
    first = run('a', protocol='viper15', TC=0.5, TC_preset='clean', TC_flow='dis')
    second = run('b', protocol='synthia11', TC=0.5, TC_preset='etc', TC_flow='dis', is_last_checkpoint=False)
    protocol, temporal, picked = comparison_warnings([first, second])
    assert 'a: viper15, b: synthia11' in protocol
    assert 'TC_preset differ' in temporal
    assert 'TC_flow' not in temporal
    assert picked == 'b: the tested checkpoint is not the last one of its run.'


def test_ways_of_measuring_are_compared_among_runs_that_measured():
    first, second = run('a', TC=0.5, TC_preset='clean', TC_flow_size=[4, 5]), run('b', TC=0.9, TC_preset='etc')
    assert temporal_differences([first, second, run('c', mIoU=5.0), run('d')]) == ['TC_preset', 'TC_flow_size']
    assert temporal_differences([first, run('c', mIoU=5.0)]) == []


@pytest.mark.parametrize('odd', [None, '2.13', ['2.13'], 5])
def test_versions_that_are_no_table_are_left_out(odd):
    rows = version_rows([run('a', versions=odd), run('b', versions=dict(torch='2.4'))])
    assert [(row.name, row.values) for row in rows] == [('Python', ['3.11', '3.11']), ('torch', [None, '2.4'])]


def test_a_protocol_that_is_no_name_is_another_one():
    (warning,) = comparison_warnings([run('a', protocol=['viper15']), run('b', protocol='viper15')])
    assert "a: ['viper15'], b: viper15" in warning


def test_settings_that_differ_and_no_others():
    first = Config(dict(model=dict(type='A', sizes=[1, 2]), work_dir='here', note=1, train_cfg=dict(max_iters=5)))
    second = Config(dict(model=dict(type='B', sizes=[1, 2]), work_dir='there', note=2, train_cfg=dict(max_iters=5)))
    third = Config(dict(model=dict(type='A', sizes=[1, 3]), train_cfg=dict(max_iters=5), load_from='init.pth'))
    rows = {row.name: row.values for row in config_differences([first, None, second, third])}
    assert rows == {
        'model.type': ['A', None, 'B', 'A'],
        'model.sizes': ['[1, 2]', None, '[1, 2]', '[1, 3]'],
        'load_from': ['(not set)', None, '(not set)', 'init.pth'],
    }


def test_one_config_differs_from_nothing():
    assert config_differences([Config(dict(model=dict(type='A'))), None]) == []


def test_versions_stand_beside_machines():
    rows = version_rows([run('a', versions=dict(torch='2.13')), run('b', versions=dict(torch='2.4'))])
    assert [(row.name, row.values, row.differs) for row in rows] == [
        ('torch', ['2.13', '2.4'], True),
        ('Python', ['3.11', '3.11'], False),
    ]
