import os

import pytest
import torch

from i2vda_mmseg.engine.checkpoints import POINTER, DamagedCheckpointError, find_resumable


def put(folder, *numbers, last=None):
    """Make checkpoints, and let ``last_checkpoint`` name one of them."""
    for number in numbers:
        content = dict(meta=dict(iter=number), state_dict={}, optimizer={}, message_hub={})
        torch.save(content, folder / f'iter_{number}.pth')
    if last is not None:
        (folder / POINTER).write_text(str(folder / f'iter_{last}.pth'))


def truncate(path):
    path.write_bytes(path.read_bytes()[:300])


def flip(path):
    content = bytearray(path.read_bytes())
    content[120] ^= 16
    path.write_bytes(content)


def empty(path):
    path.write_bytes(b'')


def swap(path):
    torch.save(dict(weight=torch.ones(2)), path)


def test_an_empty_work_dir(tmp_path):
    assert find_resumable(tmp_path) is None
    assert find_resumable(tmp_path / 'absent') is None


def test_the_one_that_is_named_counts(tmp_path):
    put(tmp_path, 5, 10, 900, last=10)  # 900 is of an earlier run
    assert find_resumable(tmp_path) == tmp_path / 'iter_10.pth'


@pytest.mark.parametrize('damage', [truncate, flip, empty, swap, os.remove])
def test_a_damaged_one_gives_way_to_the_one_before(tmp_path, damage, monkeypatch):
    said = []
    monkeypatch.setattr('i2vda_mmseg.engine.checkpoints.resuming.print_log', lambda line, *_: said.append(line))
    put(tmp_path, 5, 10, 100, 900, last=100)
    damage(tmp_path / 'iter_100.pth')
    assert find_resumable(tmp_path) == tmp_path / 'iter_10.pth'
    assert len(said) == 1
    assert 'iter_100.pth' in said[0]
    assert said[0].endswith('trying the checkpoint before it')


def test_nothing_is_started_afresh_where_all_are_damaged(tmp_path):
    put(tmp_path, 5, 10, last=10)
    for number in (5, 10):
        truncate(tmp_path / f'iter_{number}.pth')
    with pytest.raises(
        DamagedCheckpointError, match=r'no checkpoint in .* is whole: .*iter_10\.pth.*iter_5\.pth.*afresh'
    ):
        find_resumable(tmp_path)


@pytest.mark.parametrize('pointer', [None, '\0\0\0\0'])
def test_without_a_pointer_the_highest_number_counts(tmp_path, pointer):
    put(tmp_path, 5, 10)
    if pointer:
        (tmp_path / POINTER).write_text(pointer)
    assert find_resumable(tmp_path) == tmp_path / 'iter_10.pth'


def test_a_run_that_had_saved_none_does_not_take_those_of_an_earlier_one(tmp_path):
    put(tmp_path, 50)
    (tmp_path / POINTER).touch()
    os.utime(tmp_path / 'iter_50.pth', ns=(0, 0))
    assert find_resumable(tmp_path) is None
    put(tmp_path, 5)
    assert find_resumable(tmp_path) == tmp_path / 'iter_5.pth'


def test_a_work_dir_that_was_moved(tmp_path):
    (tmp_path / 'old').mkdir()
    put(tmp_path / 'old', 5, 10, last=10)
    (tmp_path / 'old').rename(tmp_path / 'new')
    assert find_resumable(tmp_path / 'new') == tmp_path / 'new' / 'iter_10.pth'


def test_a_run_that_went_on_from_elsewhere(tmp_path):
    (tmp_path / 'elsewhere').mkdir()
    put(tmp_path / 'elsewhere', 5, 7)
    (tmp_path / POINTER).write_text(str(tmp_path / 'elsewhere' / 'iter_7.pth'))
    put(tmp_path, 5)
    assert find_resumable(tmp_path) == tmp_path / 'elsewhere' / 'iter_7.pth'
