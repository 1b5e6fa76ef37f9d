import json
import os
import subprocess
import sys

import pytest
from mmengine.registry import Registry

from i2vda_mmseg.apis.command_line import explain, run_tool
from i2vda_mmseg.apis.launch import load_config
from i2vda_mmseg.errors import ConfigError, NonFiniteError

KINDS = Registry('kind')


@KINDS.register_module()
class Takes:
    def __init__(self, a):
        assert a > 0, 'a must be positive'


@pytest.fixture
def ending(monkeypatch, capsys):
    """Run a main that fails as a tool called "tool", and give exit code and standard error."""

    def end(error, *arguments, **options):
        def main():
            raise error

        monkeypatch.setattr(sys, 'argv', ['tools/tool.py', *arguments])
        with pytest.raises(SystemExit) as caught:
            run_tool(main, **options)
        return caught.value.code, capsys.readouterr().err

    return end


@pytest.mark.parametrize('error', [
    ConfigError('model.delta: must be in 0..1, got 2'), FileNotFoundError('no config file at a.py'),
    NonFiniteError('iteration 3: loss_seg=nan'), ImportError('needs mmcv >= 2.1'),
])  # fmt: skip
def test_a_mistake_is_one_sentence(ending, error):
    code, said = ending(error)
    assert code == 1
    assert said.startswith(f'tool: {error}')
    assert said.count('\n') == 1
    assert 'Traceback' not in said
    assert ending(error, mistake=2)[0] == 2


def test_a_defect_keeps_its_traceback(ending):
    with pytest.raises(ZeroDivisionError):
        ending(ZeroDivisionError())
    with pytest.raises(RuntimeError):  # of torch, say
        ending(RuntimeError('mat1 and mat2 shapes cannot be multiplied'))


@pytest.mark.parametrize('how', ['flag', 'variable'])
def test_the_traceback_of_a_mistake_is_shown_on_demand(ending, monkeypatch, how):
    if how == 'variable':
        monkeypatch.setenv('I2VDA_TRACEBACK', '1')
    with pytest.raises(ConfigError):
        ending(ConfigError('model.x: wrong'), *(['--traceback'] if how == 'flag' else []))
    assert sys.argv == ['tools/tool.py']  # argparse never sees the flag


def test_a_rank_tells_its_launcher(ending, monkeypatch, tmp_path):
    monkeypatch.setenv('TORCHELASTIC_ERROR_FILE', str(tmp_path / 'error.json'))
    monkeypatch.setenv('I2VDA_LAUNCHED', '1')
    assert ending(ConfigError('model.x: wrong')) == (1, '')
    assert json.loads((tmp_path / 'error.json').read_text())['message']['message'].endswith('model.x: wrong')


@pytest.mark.parametrize(('config', 'named'), [
    (dict(type='Takes', b=1), ['Takes', "'b'"]), (dict(type='Takes', a=0), ['Takes', 'a must be positive']),
    (dict(type='Absent'), ['Absent is not in the']),
])  # fmt: skip
def test_what_a_class_does_not_take_is_a_mistake_of_the_config(config, named):
    with pytest.raises((TypeError, AssertionError, KeyError)) as caught:
        KINDS.build(config)
    assert all(name in explain(caught.value) for name in named)


@pytest.mark.parametrize(('text', 'named'), [
    ('model = dict(\n', 'SyntaxError'), ('\nmodel = dict(type=SourceOnly)\n', 'line 2: NameError'),
    ("_base_ = './absent.py'\n", 'absent.py'),
])  # fmt: skip
def test_a_config_that_cannot_be_run(tmp_path, text, named):
    path = tmp_path / 'broken.py'
    path.write_text(text)
    with pytest.raises(ConfigError, match=named) as caught:
        load_config(str(path))
    assert str(caught.value).startswith(str(path))


def test_an_option_that_leads_nowhere(tmp_path):
    (tmp_path / 'short.py').write_text('stages = [1]\n')
    with pytest.raises(ConfigError, match=r'--cfg-options stages\.5'):
        load_config(str(tmp_path / 'short.py'), {'stages.5': 2})


MEET = """
import torch
torch.distributed.init_process_group('gloo')
rank = torch.distributed.get_rank()
total = torch.tensor(rank + 1)
torch.distributed.all_reduce(total)
if rank == 0:
    print(int(total))
torch.distributed.destroy_process_group()
"""


@pytest.mark.slow
def test_ranks_of_one_machine_need_no_port_and_say_a_mistake_once(request, tmp_path):
    (tmp_path / 'wrong.py').write_text("default_scope = 'mmseg'\nmodel = dict(type='SourceOnly', lamda_seg_aux=1)\n")
    (tmp_path / 'meet.py').write_text(MEET)
    commands = [
        ['bash', 'tools/dist_train.sh', tmp_path / 'wrong.py', '2', '--work-dir', tmp_path / 'w'],
        [sys.executable, 'tools/launch_ranks.py', '2', tmp_path / 'meet.py'],
    ]
    environment = os.environ | {'OMP_NUM_THREADS': '1', 'PYTHON': sys.executable}
    pipes = dict(stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    runs = [subprocess.Popen(words, cwd=request.config.rootpath, env=environment, **pipes) for words in commands]
    (_, said), (met, nothing) = (run.communicate() for run in runs)
    assert [run.returncode for run in runs] == [1, 0], said + nothing
    assert said.count('model.lamda_seg_aux') == 1
    assert 'Traceback' not in said
    assert 'EADDRINUSE' not in said + nothing
    assert met == '3\n'
