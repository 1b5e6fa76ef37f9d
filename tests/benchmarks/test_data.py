import shlex
import subprocess
import sys
from contextlib import redirect_stdout
from dataclasses import replace

import fake_suite
import pytest

from benchmarks.suites.commands import Commands
from benchmarks.suites.data import REAL, on_data
from benchmarks.suites.results import Results
from benchmarks.suites.run_suite import run_suite
from benchmarks.suites.suites import SUITES
from benchmarks.suites.table import markdown
from i2vda_mmseg.apis.config_check import check_config
from i2vda_mmseg.apis.launch import load_config
from tools import train


@pytest.fixture
def root(request):
    return request.config.rootpath


@pytest.mark.parametrize('name', ['table1', 'table3', 'table4', 'table5'])
def test_the_rows_on_real_data_are_the_paper_s_own_leaves(name, root, tmp_path, monkeypatch):
    suite = on_data(SUITES[name], 'viper2cs', root)
    assert [row.paper_miou for row in suite.rows] == [row.paper_miou for row in SUITES[name].rows]
    commands = Commands(root, suite, suite.schedule(root), tmp_path / 'data', tmp_path / 'out')
    assert [*commands.prepare(0)] == []
    for row in suite.runs().values():
        step, test = commands.run(row, 0)
        monkeypatch.setattr(sys, 'argv', step.words())
        args = train.parse_args()
        config = load_config(str(root / args.config), args.cfg_options)
        check_config(config)
        assert 'deeplabv2_r101_viper2cs' in args.config
        assert config.train_dataloader.dataset.source.data_root == str(tmp_path / 'data/viper')
        assert config.get('load_from') is None
        assert test.words()[2] == f'{args.work_dir}/none'  # as long as there is no checkpoint
    assert len(suite.runs()) == len({row.config for row in suite.rows})  # no leaf is trained twice


def test_what_is_full_is_the_paper_s_and_not_streetworld_s(root):
    rows = {row.name: row for row in on_data(SUITES['table5'], 'viper2cs', root).rows if row.section == 'delta'}
    assert {name: row.run for name, row in rows.items()} == {'0.1': 'delta-0.1', '0.3': 'i2vda', '0.5': 'delta-0.5'}


def test_a_row_that_the_paper_s_leaves_do_not_have_is_refused(root):
    with pytest.raises(ValueError, match=r'--data viper2cs: smoke has rows without a leaf of the paper: Source only'):
        on_data(SUITES['smoke'], 'viper2cs', root)
    with pytest.raises(ValueError, match=r"--data must be one of streetworld, viper2cs, got 'kitti'"):
        on_data(SUITES['table1'], 'kitti', root)


def test_figures_on_real_data_are_compared_with_the_paper_s_bands(tmp_path):
    row = replace(fake_suite.ROWS[1], note='')
    suite = replace(fake_suite.SUITE, rows=(row,), data='viper2cs', reference='')
    results = Results(tmp_path / 'results.json', suite, dict(world={}, init='', runs=dict(second='b')), [0, 1])
    for seed, miou in enumerate((50.0, 50.8)):  # 0.8 below, deviation 0.57
        metrics = dict(mIoU=miou, TC=0.64, flicker=0.1, protocol='viper15')
        results.record(dict(run='second', seed=seed, config_hash='b', metrics=metrics))
    text = markdown(results)
    assert f'({REAL["viper2cs"].title})' in text
    assert 'Another data set' not in text
    assert '| -0.8, in the band | -2.0, outside the band |' in text


def test_commands_are_emitted_for_a_queue_and_nothing_runs(root, tmp_path, capsys):
    options = dict(out=tmp_path / 'out', data_root=tmp_path / 'data', emit='commands')
    assert run_suite(root, 'smoke', gpus_per_run=2, **options) == 0
    lines = capsys.readouterr().out.splitlines()
    assert not any(tmp_path.iterdir())
    commands = [line for line in lines if line.startswith(sys.executable)]
    street, init, *rows = commands
    assert len(rows) == len(SUITES['smoke'].runs())
    assert shlex.split(street)[1].endswith('tools/make_streetworld.py')
    assert shlex.split(init)[1:3] == [str(root / 'tools/launch_ranks.py'), '2']
    assert f'touch {shlex.split(init)[shlex.split(init).index("--work-dir") + 1]}/finished' in init
    for line in rows:
        training, mark, test = line.split(' && ')
        assert "'load_from='\"$(cat " in training
        assert mark.endswith('/trained')
        assert "/last_checkpoint)\"'' --tc" in test


def test_emitted_commands_give_what_the_suite_would_have_run(tmp_path, monkeypatch, cluster):
    monkeypatch.setitem(SUITES, 'fake', fake_suite.SUITE)
    root = fake_suite.make_root(tmp_path / 'queue')
    options = dict(out=root / 'out', data_root=root / 'data', seeds=[0], commands=fake_suite.FakeCommands)
    with (root / 'commands.sh').open('w') as script, redirect_stdout(script):
        run_suite(root, 'fake', emit='commands', **options)
    subprocess.run(['bash', '-e', root / 'commands.sh'], check=True)
    known = len(fake_suite.starts(root))
    assert [kind for _, kind, _ in fake_suite.starts(root)].count('train') == 4
    assert fake_suite.run(root, seeds=[0]) == 0
    assert 'train' not in [kind for _, kind, _ in fake_suite.starts(root)[known:]]
    assert len(fake_suite.figures(root)) == 3
