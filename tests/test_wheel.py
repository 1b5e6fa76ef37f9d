"""The wheel alone, away from any checkout: it brings configs, tools and suites."""

import json
import os
import shlex
import subprocess
import sys
import zipfile

import pytest

from i2vda_mmseg.entry import COMMANDS, command_of, main


@pytest.fixture(scope='module')
def installed(request, tmp_path_factory):
    """Build the wheel of a copy of the tree, and unpack it as an installation does."""
    folder = tmp_path_factory.mktemp('wheel')
    root = request.config.rootpath
    names = ['i2vda_mmseg', 'configs', 'tools', 'benchmarks', 'requirements', 'setup.py', 'pyproject.toml', 'README.md']
    copied = folder / 'copy'
    copied.mkdir()
    subprocess.run(['cp', '-r', *(root / name for name in names), copied], check=True)
    build = [sys.executable, '-m', 'pip', 'wheel', '--no-deps', '--no-build-isolation', '-q', '-w', folder, copied]
    subprocess.run(build, check=True, env=os.environ | {'PIP_NO_INDEX': '1'})
    (wheel,) = folder.glob('*.whl')
    zipfile.ZipFile(wheel).extractall(folder / 'site')
    return folder / 'site'


def run(installed, code, *arguments, cwd):
    environment = os.environ | {'PYTHONPATH': str(installed)}
    command = [sys.executable, '-c', code, *map(str, arguments)]
    return subprocess.run(command, env=environment, cwd=cwd, capture_output=True, text=True, check=False)


# Several commands in one process, which imports once.
I2VDA = """
import shlex, sys
from i2vda_mmseg.entry import main

for line in sys.argv[1:]:
    try:
        main(shlex.split(line))
    except SystemExit as end:
        if end.code:
            raise
"""


def test_configs_of_the_package_are_found_by_mmengine_and_as_bases(installed, tmp_path):
    (tmp_path / 'mine.py').write_text(
        "_base_ = 'i2vda_mmseg::i2vda/deeplabv2_r101_viper2cs.py'\nmodel = dict(lambda_tc=0.5)\n"
    )
    code = (
        'import i2vda_mmseg, mmengine; from mmengine.hub import get_config;'
        "print(get_config('i2vda_mmseg::i2vda/deeplabv2_r101_viper2cs.py').model.type);"
        "mine = mmengine.Config.fromfile('mine.py');"
        "assert '_scope_' not in str(mine);"
        'print(mine.model.lambda_tc, i2vda_mmseg.__file__)'
    )
    out = run(installed, code, cwd=tmp_path)
    assert out.stdout.split() == ['I2VDA', '0.5', str(installed / 'i2vda_mmseg/__init__.py')], out.stderr


def test_every_config_is_carried_and_listed(installed, request):
    root = request.config.rootpath
    configs = {path.relative_to(root) for path in (root / 'configs').rglob('*.py')}
    carried = installed / 'i2vda_mmseg' / '.mim'
    assert {path.relative_to(carried) for path in (carried / 'configs').rglob('*.py')} == configs
    index = json.loads((carried / 'model-index.yml').read_text())
    listed = [
        model['Config'] for name in index['Import'] for model in json.loads((carried / name).read_text())['Models']
    ]
    assert sorted(listed) == sorted(str(path) for path in configs if '_base_' not in path.parts)
    assert not [path for path in carried.rglob('*') if path.name.startswith(('.', '__pycache__'))]


@pytest.mark.slow
def test_commands_run_from_an_empty_folder(installed, tmp_path):
    street = 'data street --out street --images 3 --clips 1 --val-clips 1 --synthia-images 0 --frames 3 --workers 1'
    options = [f'{part}.data_root={tmp_path}/street/cityscapes' for part in (
        'train_dataloader.dataset.target', 'val_dataloader.dataset', 'test_dataloader.dataset',
    )]  # fmt: skip
    options += [f'train_dataloader.dataset.source.data_root={tmp_path}/street/viper', 'train_cfg.max_iters=1']
    train = f'train i2vda_mmseg::source_only/deeplabv2_r18_streetworld.py --cfg-options {shlex.join(options)}'
    done = run(installed, I2VDA, street, train, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / 'work_dirs/source_only/deeplabv2_r18_streetworld/iter_1.pth').is_file()


def test_each_tool_is_a_command(request):
    root = request.config.rootpath / 'tools'
    tools = {str(path.relative_to(root).with_suffix('')) for path in root.rglob('*.py')}
    assert {tool for tool, _ in COMMANDS.values()} == tools - {'segment_video_pytorch'}  # which segment_video runs


def test_commands_are_named_as_they_can_be_typed(monkeypatch):
    monkeypatch.setattr(sys, 'argv', ['i2vda init'])
    assert command_of('check_data') == 'i2vda data check'
    monkeypatch.setattr(sys, 'argv', ['tools/init_pair.py'])
    assert command_of('check_data') == 'python tools/check_data.py'


@pytest.mark.parametrize(
    ('typed', 'code', 'said'),
    [
        (('--version',), 0, 'i2vda_mmseg '),
        ((), 0, '  dist-train       train on N processes'),
        (('flow',), 1, 'flow is one of: flow precompute, flow doctor'),
        (('tset', 'a.py'), 1, 'did you mean test?'),
        (('dist-train', 'a.py'), 1, 'usage: i2vda dist-train CONFIG N [more arguments]'),
        (('video', '--help'), 0, 'usage: i2vda video [-h]'),
        (('dist-train', '--help'), 0, 'usage: i2vda dist-train CONFIG N [more arguments]; those of i2vda train'),
        (('train', '--help'), 0, 'usage: i2vda train [-h]'),
        (('train', 'i2vda_mmseg::i2vda/absent.py'), 1, 'i2vda train: no config file at'),
        (('train', 'i2vda_mmseg::i2vda/absent.py'), 1, 'i2vda_mmseg::<method>/<name>.py from any folder'),
    ],
)
def test_what_is_typed_wrongly_is_answered(monkeypatch, capsys, typed, code, said):
    monkeypatch.setattr(sys, 'argv', ['i2vda', *typed])
    try:
        main()
        exited = 0
    except SystemExit as end:
        exited = end.code
    out = capsys.readouterr()
    if isinstance(exited, str):
        out, exited = exited, 1
    assert said in ''.join(out)
    assert exited == code
