"""Trainings on the fake device, a few here; all of them: make gpu-rehearsal."""

import json

import pytest
from forks import run_python

LEAF = 'i2vda/deeplabv2_r18_streetworld.py'
STAGED = 'cbst/deeplabv2_r18_streetworld.py'
CONFIGS = (LEAF, 'davsn/deeplabv2_r18_streetworld.py', STAGED, 'vfmuda/vit-tiny_streetworld.py')
SABOTAGE = """
_base_ = '{leaf}'
custom_imports = dict(imports=['i2vda_mmseg', 'gpu_rehearsal.sabotage'], allow_failed_imports=False)
"""
WAITING = """
_base_ = '{leaf}'
default_hooks = dict(runtime_info=dict(type='RuntimeInfoHook'))
"""


@pytest.fixture(scope='module')
def rehearsed(request, tmp_path_factory):
    """Rows of the rehearsal by config and whether they are of the last stage, from a process of its own."""
    folder, root = tmp_path_factory.mktemp('rehearsal'), request.config.rootpath
    paths = [str(root / 'configs' / path) for path in CONFIGS]
    for name, text in (('waiting', WAITING), ('sabotage', SABOTAGE)):  # the last of all: it changes the process
        paths.append(str(folder / f'{name}.py'))
        (folder / f'{name}.py').write_text(text.format(leaf=paths[0]))
    arguments = ['-m', 'gpu_rehearsal.run', *paths, '--precision', 'bfloat16', '--json', 'rows.json']
    done = run_python(*arguments, cwd=folder)
    assert done.returncode == 1, done.stderr
    rows = json.loads((folder / 'rows.json').read_text())
    names = dict(zip(paths, (*CONFIGS, 'waiting', 'sabotage')))
    return {(names[row['config']], row['last_stage']): row for row in rows}


@pytest.mark.slow
def test_no_device_mix_and_no_wait(rehearsed):
    cases = [*((config, False) for config in CONFIGS), (STAGED, True)]
    found = {case: (rehearsed[case]['error'], rehearsed[case]['over'], rehearsed[case]['on_cpu']) for case in cases}
    assert found == dict.fromkeys(cases, ('', {}, []))
    terms = ['decode.loss_ce', 'loss_adv', 'loss_dis', 'loss_seg', 'loss_tc', 'pseudo_label_ratio']
    assert rehearsed[LEAF, False]['logged'] == terms


def test_a_forgotten_device_is_found(rehearsed):
    error = rehearsed['sabotage', False]['error']
    assert 'at least two devices' in error
    assert 'cpu' in error


def test_a_wait_in_each_iteration_is_found(rehearsed):
    row = rehearsed['waiting', False]
    assert not row['error']
    assert any('message_hub.py' in line for line in row['over'])
