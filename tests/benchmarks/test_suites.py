import re
import runpy
import sys
from dataclasses import replace

import pytest
from mmengine.config import Config

from benchmarks.suites.commands import Commands
from benchmarks.suites.suite import Suite
from benchmarks.suites.suites import SUITES
from i2vda_mmseg.apis.config_check import check_config
from i2vda_mmseg.apis.launch import load_config
from i2vda_mmseg.streetworld import WorldPlan

PAPER = {
    'table1': [37.1, 44.0, 41.2, 44.4, 41.7, 42.4, 42.0, 47.8, 48.9, 51.2],
    'table3': [44.0, 47.0, 45.6, 49.7, 49.6, 51.2],
    'table4': [48.9, 51.2, 49.6, 48.3, 51.2, 50.2],
    'table5': [
        *[50.4, 51.2, 50.2],
        *[48.5, 51.2, 49.7],
        *[47.0, 47.0, 48.4, 48.1, 47.4, 51.2],
        *[49.2, 49.7, 51.2, 49.6, 48.8],
    ],
}
BUDGET = dict(table1=100, table3=60)  # minutes on two cores, for three seeds


@pytest.fixture
def root(request):
    return request.config.rootpath


def commands_of(suite, root, folder):
    schedule = dict(init='0', runs=dict.fromkeys(suite.runs(), '1'))
    return Commands(root, suite, schedule, folder / 'data', folder / 'out')


def arguments_of(step, monkeypatch):
    """Read a command as its tool does."""
    words = step.words()
    monkeypatch.setattr(sys, 'argv', words)
    return runpy.run_path(words[0])['parse_args']()


@pytest.mark.parametrize('name', PAPER)
def test_the_published_column_is_the_paper_s(name):
    assert [row.paper_miou for row in SUITES[name].rows] == PAPER[name]


@pytest.mark.parametrize('name', SUITES)
def test_every_command_is_understood_by_its_tool_and_its_config_is_sound(name, root, tmp_path, monkeypatch):
    suite = SUITES[name]
    commands = commands_of(suite, root, tmp_path)
    world = arguments_of(next(commands.prepare(3)), monkeypatch)
    assert {key: getattr(world, key) for key in suite.world} == dict(suite.world)
    hashes = set()
    for run, row in suite.runs().items():
        train, test = commands.run(row, 3)
        args = arguments_of(train, monkeypatch)
        assert (args.seed, args.resume) == (3, 'auto')
        assert re.fullmatch(rf'{tmp_path}/out/runs/{re.escape(run)}_[0-9a-f]{{8}}/seed_3', args.work_dir)
        config = load_config(str(root / args.config), args.cfg_options)
        check_config(config)
        assert all(value_at(config, key) == value for key, value in suite.options_of(row).items())
        assert config.train_dataloader.dataset.target.data_root == str(commands.world(3) / 'cityscapes')
        assert arguments_of(test, monkeypatch).tc
        hashes.add(str(config.to_dict()))
    assert len(hashes) == len(suite.runs())  # no two runs are the same


def value_at(config, key):
    for part in key.split('.'):
        config = config[int(part)] if part.isdecimal() else config[part]
    return config


@pytest.mark.parametrize('name', SUITES)
def test_rows_that_share_a_run_are_the_same(name):
    suite = SUITES[name]
    for row in suite.rows:
        first = suite.runs()[row.run]
        assert (row.config, row.options) == (first.config, first.options)


def test_what_is_called_full_is_what_the_config_has(root):
    config = Config.fromfile(root / 'configs/i2vda/deeplabv2_r18_streetworld.py', import_custom_modules=False)
    proxy, head, augmentation = (
        config.default_hooks.proxy_copy, config.model.pseudo_label_head, config.model.temporal_augmentation,
    )  # fmt: skip
    assert (proxy.interval, proxy.launch, config.train_cfg.max_iters) == (400, 400, 800)
    assert (head.eta, head.delta) == (1.0, 0.1)
    assert (augmentation.t, augmentation.alpha) == ('random', 0.5)
    full = [row.name for name in ('table4', 'table5') for row in SUITES[name].rows if row.run == 'full']
    assert full == ['400 (full) for 8k', '400 (full) for 8k', '1.0 (full)', '0.1 (full)', 'random (full)', '0.5 (full)']


@pytest.mark.parametrize('name', BUDGET)
def test_the_estimate_keeps_the_promise(name):
    suite = SUITES[name]
    seconds = suite.prepare_seconds + sum(row.seconds for row in suite.runs().values())
    assert len(suite.seeds) * seconds / 2 / 60 < BUDGET[name]


def test_a_real_row_from_the_street_to_its_figures(root, tmp_path, monkeypatch):
    """All commands of a row, one after the other in this process."""
    shorter = {'train_cfg.max_iters': 2, 'default_hooks.checkpoint.interval': 2, 'train_dataloader.batch_size': 1}
    row = replace(SUITES['smoke'].rows[0], options=shorter)
    world = dict(images=2, clips=1, val_clips=1, synthia_images=0, frames=2, size=(64, 96))
    suite = Suite('tiny', 'Tiny', (row,), world, init_options=shorter)
    commands = commands_of(suite, root, tmp_path)
    monkeypatch.chdir(root)
    for steps in (commands.prepare(3), commands.run(row, 3)):
        for step in steps:
            words = step.words()
            monkeypatch.setattr(sys, 'argv', words)
            assert not runpy.run_path(words[0])['main']()
            step.finish()
            assert step.is_done == (step.done is not None)
    assert commands.street(3) == WorldPlan(3, 1, 1, 2, 2, 0, (64, 96)).describe()
    metrics = Config.fromfile(commands.metrics(row, 3)).to_dict()
    assert metrics['is_last_checkpoint']
    assert metrics['TC_pairs'] == 1
    assert 0 <= metrics['mIoU'] <= 100
    initialisation = (commands.init(3) / 'last_checkpoint').read_text().strip()
    logs = [path.read_text() for path in sorted(commands.work_dir(row, 3).glob('*/*.log'))]
    assert f'Load checkpoint from {initialisation}' in logs[0]
