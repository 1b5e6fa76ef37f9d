import builtins
import random

import numpy as np
import pytest
import torch
from bombs import Bomb, write_bomb, write_getattr_bomb
from mmengine.logging import HistoryBuffer
from mmengine.runner import checkpoint, load_checkpoint
from mmengine.runner.checkpoint import CheckpointLoader

from i2vda_mmseg.engine.checkpoints import (
    DamagedCheckpointError,
    UntrustedCheckpointError,
    load_weights,
    read_checkpoint,
    safe_loading,
    trust_checkpoints,
)


@pytest.fixture
def trusting():
    trust_checkpoints()
    yield
    trust_checkpoints(False)


@pytest.fixture
def intact(tmp_path):
    path = tmp_path / 'intact.pth'
    torch.save({'weight': torch.arange(40.0), 'name': 'i2vda'}, path)
    return path


def is_intact(content):
    return content['name'] == 'i2vda' and torch.equal(content['weight'], torch.arange(40.0))


def test_every_flipped_bit_is_noticed_or_without_effect(intact, tmp_path):
    raw, damaged = intact.read_bytes(), tmp_path / 'damaged.pth'
    draw = random.Random(0)
    noticed = 0
    for place in range(0, len(raw), 2):
        content = bytearray(raw)
        content[place] ^= 1 << draw.randrange(8)
        damaged.write_bytes(content)
        try:
            loaded = read_checkpoint(damaged)
        except DamagedCheckpointError:
            noticed += 1
        else:
            assert is_intact(loaded), place
    assert noticed > 200  # the rest is padding, and fields that nobody reads


@pytest.mark.parametrize('part', [0, 1, 3, 4, 100, 0.5, 0.9, -1])
def test_a_truncated_file_is_damaged(intact, part):
    raw = intact.read_bytes()
    intact.write_bytes(raw[: part if isinstance(part, int) else int(part * len(raw))])
    with pytest.raises(DamagedCheckpointError, match=str(intact)):
        read_checkpoint(intact)


@pytest.mark.parametrize('content', [b'\0' * 5000, b'no checkpoint', b'\x89PNG\r\n\x1a\n' + b'\1' * 99])
def test_another_kind_of_file_is_no_checkpoint(tmp_path, content):
    (tmp_path / 'x.pth').write_bytes(content)
    with pytest.raises(DamagedCheckpointError, match=r'x\.pth is damaged or no checkpoint: it starts with'):
        read_checkpoint(tmp_path / 'x.pth')


def test_an_absent_file(tmp_path):
    for path in (tmp_path / 'absent.pth', tmp_path):
        with pytest.raises(FileNotFoundError, match=f'no checkpoint at {path}'):
            read_checkpoint(path)


def test_notes_of_a_run_are_plain_data(tmp_path):
    history = HistoryBuffer([1.0, 2.0], [1, 1])
    content = {
        'history': history,
        'numbers': {name: np.dtype(name).type(1) for name in ('float32', 'float64', 'int64', 'bool')},
        'array': np.arange(6, dtype=np.uint8).reshape(2, 3),
        'python': random.getstate(),
    }
    torch.save(content, tmp_path / 'notes.pth')
    loaded = read_checkpoint(tmp_path / 'notes.pth')
    assert loaded['history'].data[0].tolist() == [1.0, 2.0]
    assert loaded['history'].mean() == 1.5
    assert loaded['numbers'] == content['numbers']
    assert np.array_equal(loaded['array'], content['array'])
    assert loaded['python'] == content['python']


@pytest.mark.parametrize('kind', ['checkpoint', 'notes', 'legacy'])
@pytest.mark.parametrize('read', [read_checkpoint, lambda p: CheckpointLoader.load_checkpoint(str(p)),
                                  lambda p: load_checkpoint(torch.nn.Linear(1, 1), str(p))])  # fmt: skip
def test_a_bomb_is_refused_by_us_and_through_mmengine(tmp_path, kind, read):
    write_bomb(tmp_path / 'bomb.pth', tmp_path / 'mark', kind)
    with (
        safe_loading(),
        pytest.raises(UntrustedCheckpointError, match=r'bomb\.pth holds more than tensors.*mknod.*--trust-checkpoint'),
    ):
        read(tmp_path / 'bomb.pth')
    assert not (tmp_path / 'mark').exists()


def what_mmengine_loads_with():
    return CheckpointLoader._schemes[''], checkpoint._safe_torch_load, checkpoint.load_url, checkpoint.print_log


def test_mmengine_is_what_it_was_for_other_code(intact):
    before = what_mmengine_loads_with()
    assert not any(each.__module__.startswith('i2vda') for each in before)
    with safe_loading(), safe_loading():
        assert CheckpointLoader._schemes[''].__module__ == 'i2vda_mmseg.compat'
    with pytest.raises(ZeroDivisionError), safe_loading():
        raise ZeroDivisionError
    assert before == what_mmengine_loads_with()


def test_nothing_is_printed_past_the_log(tmp_path, capsys):
    path = tmp_path / 'weights.pth'
    torch.save(torch.nn.Linear(1, 1).state_dict(), path)
    load_weights(torch.nn.Linear(1, 1), path)
    assert capsys.readouterr().out == ''
    load_checkpoint(torch.nn.Linear(1, 1), str(path))
    assert 'Loads checkpoint by local backend' in capsys.readouterr().out


def test_our_networks_are_loaded_safely(tmp_path):
    write_bomb(tmp_path / 'bomb.pth', tmp_path / 'mark', 'notes')
    with pytest.raises(UntrustedCheckpointError):
        load_weights(torch.nn.Linear(1, 1), tmp_path / 'bomb.pth')
    assert not (tmp_path / 'mark').exists()


def test_a_bare_pickle_is_no_checkpoint_even_if_trusted(tmp_path, trusting):
    write_bomb(tmp_path / 'bomb.pth', tmp_path / 'mark', 'pickle')
    with pytest.raises(DamagedCheckpointError, match='no checkpoint'):
        read_checkpoint(tmp_path / 'bomb.pth')
    assert not (tmp_path / 'mark').exists()


def test_getattr_gives_nothing_but_statistics(tmp_path):
    write_getattr_bomb(tmp_path / 'bomb.pth')
    whole = builtins.len
    try:
        with pytest.raises(UntrustedCheckpointError, match="ask for attribute '__self__'"):
            read_checkpoint(tmp_path / 'bomb.pth')
        assert builtins.len is whole
    finally:
        builtins.len = whole


def test_trust_runs_the_code(tmp_path, trusting):
    write_bomb(tmp_path / 'bomb.pth', tmp_path / 'mark')
    read_checkpoint(tmp_path / 'bomb.pth')
    assert (tmp_path / 'mark').exists()


def test_a_config_that_resuming_would_run_is_dropped(tmp_path):
    code = f'import os\nos.mknod({str(tmp_path / "mark")!r})\n'
    torch.save({'meta': {'iter': 3, 'config': code}}, tmp_path / 'code.pth')
    assert read_checkpoint(tmp_path / 'code.pth') == {'meta': {'iter': 3}}


def test_a_download_is_refused_like_a_file(tmp_path, monkeypatch):
    def fetch(url, path, progress):
        torch.save({'state_dict': Bomb(tmp_path / 'mark')}, path)

    monkeypatch.setenv('TORCH_HOME', str(tmp_path))
    monkeypatch.setattr(torch.hub, 'download_url_to_file', fetch)
    for url in ('https://example.invalid/net.pth', 'open-mmlab://resnet50_v1c'):
        with safe_loading(), pytest.raises(UntrustedCheckpointError, match='mknod'):
            CheckpointLoader.load_checkpoint(url)
    assert not (tmp_path / 'mark').exists()
