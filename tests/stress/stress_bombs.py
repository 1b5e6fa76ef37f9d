"""Files of strangers, given to every tool that reads one: nothing in them runs. Run by ``make stress``."""

import json
import os
import pickle
import shutil
import subprocess
import sys

import numpy as np
import pytest
from bombs import Bomb, write_bomb, write_getattr_bomb
from stress import runs

from i2vda_mmseg.fileio import pseudo_labels as files
from i2vda_mmseg.flow import read_flow

KINDS = ('checkpoint', 'notes', 'legacy', 'pickle', 'getattr')


@pytest.fixture(scope='module')
def config(tmp_path_factory):
    return runs.write_config(tmp_path_factory.mktemp('bombs'), iterations=2)


@pytest.fixture
def bomb(tmp_path):
    """Write a bomb, and look whether it went off."""
    mark = tmp_path / 'mark'

    def write(kind, name='bomb.pth'):
        path = tmp_path / name
        if kind == 'getattr':
            write_getattr_bomb(path)
        else:
            write_bomb(path, mark, kind)
        return path

    yield write
    assert not mark.exists()


def refused(*arguments, saying=r'--trust-checkpoint', code=1):
    """Call a tool that must refuse with one sentence."""
    environment = os.environ | {'OMP_NUM_THREADS': '1'}
    command = [sys.executable, *map(str, arguments)]
    done = subprocess.run(command, cwd=runs.ROOT, env=environment, capture_output=True, text=True, check=False)
    said = done.stdout + done.stderr
    assert done.returncode == code, said[-2000:]
    assert any(part in said for part in saying.split('|')), said[-2000:]


REFUSALS = 'holds more than tensors|is damaged or no checkpoint'


@pytest.mark.parametrize('kind', KINDS)
@pytest.mark.parametrize('way', ['load_from', 'init_cfg', 'resume', 'resume auto'])
def test_training(config, bomb, tmp_path, kind, way):
    path = bomb(kind)
    arguments = ['tools/train.py', config, '--work-dir', tmp_path / 'run']
    if way == 'load_from':
        arguments += ['--cfg-options', f'load_from={path}']
    elif way == 'init_cfg':
        name = 'model.segmentor.backbone.init_cfg'
        arguments += ['--cfg-options', f'{name}._delete_=True', f'{name}.type=Pretrained', f'{name}.checkpoint={path}']
    elif way == 'resume':
        arguments += ['--resume', path]
    else:
        (tmp_path / 'run').mkdir()
        shutil.copy(path, tmp_path / 'run' / 'iter_1.pth')
        (tmp_path / 'run' / 'last_checkpoint').write_text(str(tmp_path / 'run' / 'iter_1.pth'))
        arguments += ['--resume', 'auto']
    refused(*arguments, saying=REFUSALS)


@pytest.mark.parametrize('kind', KINDS)
@pytest.mark.parametrize('tool', ['test', 'export', 'draw_panel'])
def test_tools(config, bomb, tmp_path, kind, tool):
    path = bomb(kind)
    arguments = {
        'test': [config, path, '--work-dir', tmp_path / 'run'],
        'export': [path, tmp_path / 'stock.pth'],
        'draw_panel': [config, path, '--out', tmp_path / 'panel.png'],
    }[tool]
    refused(f'tools/{tool}.py', *arguments, saying=REFUSALS)


@pytest.mark.parametrize('kind', KINDS)
@pytest.mark.parametrize('converter', ['flownet2_nvidia', 'deeplab_v2'])
def test_converters(bomb, tmp_path, kind, converter):
    refused(f'tools/model_converters/{converter}.py', bomb(kind), tmp_path / 'out.pth', saying='bomb.pth', code=2)


def object_array(mark):
    array = np.empty(1, dtype=object)
    array[0] = Bomb(mark)
    return array


@pytest.mark.parametrize('suffix', ['.flo', '.npy', '.npz', '.png', '.i2vflow'])
def test_flow_files(tmp_path, suffix):
    path, mark = tmp_path / f'flow{suffix}', tmp_path / 'mark'
    for content in ('pickle', 'array'):
        with path.open('wb') as file:
            if content == 'pickle':
                pickle.dump(Bomb(mark), file)
            elif suffix == '.npz':
                np.savez(file, flow=object_array(mark))
            else:
                np.save(file, object_array(mark), allow_pickle=True)
        with pytest.raises(Exception, match=f'flow{suffix}'):
            read_flow(path)
    assert not mark.exists()


def test_pseudo_label_files(tmp_path):
    mark = tmp_path / 'mark'
    (tmp_path / 'a.png').write_bytes(pickle.dumps(Bomb(mark)))
    np.savez(tmp_path / 'a.npz', soft_label=object_array(mark))
    (tmp_path / files.RARE_CLASSES).write_bytes(pickle.dumps(Bomb(mark)))
    for read in (files.read_labels, files.read_soft_labels):
        with pytest.raises(ValueError, match=r'a\.(png|npz)'):
            read(str(tmp_path / 'a.png'))
    with pytest.raises((json.JSONDecodeError, UnicodeDecodeError)):
        files.read_rare_classes(str(tmp_path))
    assert not mark.exists()
