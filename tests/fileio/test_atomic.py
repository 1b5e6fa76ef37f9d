import errno
import os
import resource
import signal
import stat

import pytest
import torch

from i2vda_mmseg.engine.checkpoints import read_checkpoint
from i2vda_mmseg.fileio.atomic import atomic_file, remove_unfinished, write_atomically
from i2vda_mmseg.fileio.atomic_checkpoint import save_atomically


def in_a_child(function):
    """Run a function in a forked process; returns its exit status as ``os.wait`` gives it."""
    child = os.fork()
    if child == 0:
        try:
            function()
        except BaseException as error:  # the parent judges by the code
            os._exit(getattr(error, 'errno', None) or 1)
        os._exit(0)
    return os.waitpid(child, 0)[1]


@pytest.fixture
def old(tmp_path):
    path = tmp_path / 'weights.pth'
    save_atomically({'weight': torch.zeros(3)}, path)
    return path


def is_old(path):
    return torch.equal(read_checkpoint(path)['weight'], torch.zeros(3))


def test_what_is_saved_is_read_again_and_has_usual_permissions(tmp_path):
    path = tmp_path / 'new' / 'stage_1.pth'
    save_atomically({'weight': torch.arange(6.0), 'iter': 3}, path)
    loaded = read_checkpoint(path)
    assert loaded['iter'] == 3
    assert torch.equal(loaded['weight'], torch.arange(6.0))
    (tmp_path / 'usual').touch()
    assert stat.S_IMODE(path.stat().st_mode) == stat.S_IMODE((tmp_path / 'usual').stat().st_mode)
    assert os.listdir(path.parent) == ['stage_1.pth']


@pytest.mark.parametrize('moment', ['fsync', 'write'])
def test_a_process_that_is_killed_while_it_writes_leaves_the_old_file(old, moment, monkeypatch):
    def kill(*_):
        os.kill(os.getpid(), signal.SIGKILL)

    if moment == 'fsync':
        monkeypatch.setattr(os, 'fsync', kill)
    else:
        monkeypatch.setattr('pathlib.Path.replace', kill)
    assert in_a_child(lambda: save_atomically({'weight': torch.ones(3)}, old)) == signal.SIGKILL
    assert is_old(old)
    assert len(remove_unfinished(old.parent)) == 1
    assert os.listdir(old.parent) == [old.name]


def test_a_file_beyond_the_limit_of_its_process_leaves_the_old_one(old):
    def write():
        resource.setrlimit(resource.RLIMIT_FSIZE, (5000, 5000))
        save_atomically({'weight': torch.ones(10_000)}, old)

    assert os.waitstatus_to_exitcode(in_a_child(write)) == errno.EFBIG
    assert is_old(old)
    assert os.listdir(old.parent) == [old.name]


@pytest.mark.parametrize('code', [errno.ENOSPC, errno.EROFS, errno.EACCES])
def test_a_full_disk_and_a_read_only_folder_are_named_with_the_file(old, code, monkeypatch):
    def fail(_):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, 'fsync', fail)
    with pytest.raises(
        OSError, match=rf'{old} could not be written \({os.strerror(code)}\); .* is untouched'
    ) as caught:
        write_atomically(b'new', old)
    assert caught.value.errno == code
    monkeypatch.undo()
    assert is_old(old)
    assert os.listdir(old.parent) == [old.name]


def test_a_folder_that_cannot_be_flushed_does_not_fail_a_file_that_stands(old, monkeypatch):
    real = os.open

    def open_no_folder(path, *args, **kwargs):
        if path == old.parent:
            raise OSError(errno.EINVAL, 'no folders')
        return real(path, *args, **kwargs)

    monkeypatch.setattr(os, 'open', open_no_folder)
    write_atomically(b'new', old)
    assert old.read_bytes() == b'new'


def test_only_unfinished_files_are_removed(tmp_path):
    kept = [tmp_path / 'iter_5.pth', tmp_path / '.hidden', tmp_path / 'note.tmp', tmp_path / '.link.tmp']
    for path in kept[:3]:
        path.touch()
    kept[3].symlink_to(kept[0])
    left = tmp_path / 'pseudo_labels' / '.a.png.0f.tmp'
    left.parent.mkdir()
    left.touch()
    os.utime(left, (0, 0))
    assert remove_unfinished(tmp_path) == [left]
    assert all(path.exists() for path in kept)


def test_what_a_living_process_writes_stays(tmp_path):
    """A run that starts in the same tree, at whatever moment, leaves it alone."""
    for path in (tmp_path / 'inner' / 'iter_5.pth', tmp_path / 'video.mp4'):
        with atomic_file(path) as draft:
            draft.write_bytes(b'half')
            os.utime(draft, (0, 0))  # long silent
            assert remove_unfinished(tmp_path) == []
            draft.write_bytes(b'whole')
        assert path.read_bytes() == b'whole'


def test_a_draft_of_another_machine_is_left_once_it_is_silent(tmp_path):
    with atomic_file(tmp_path / 'a.txt') as draft:
        draft.write_text('half')
        own = draft.name.split('.')[-2].split('-')[0]
        other = draft.rename(draft.with_name(draft.name.replace(own, '0' * 8)))
        assert remove_unfinished(tmp_path) == []
        os.utime(other, (0, 0))
        assert remove_unfinished(tmp_path) == [other]
        draft.write_text('whole')


def test_what_another_library_writes_appears_only_whole(tmp_path):
    path = tmp_path / 'new' / 'a.npy'
    with atomic_file(path) as draft:
        draft.write_text('half')
        assert not path.exists()
        draft.write_text('whole')
    assert path.read_text() == 'whole'
    assert os.listdir(path.parent) == ['a.npy']


def test_an_error_while_another_library_writes_leaves_the_old_file(tmp_path):
    path = tmp_path / 'a.txt'
    write_atomically('größer', path)

    def write(error):
        with atomic_file(path) as draft:
            draft.write_text('half')
            raise error

    for error, message in [
        (OSError(errno.ENOSPC, 'No space left on device'), r'a\.txt could not be written \(No space left'),
        (FileNotFoundError(errno.ENOENT, 'No such file', 'b.png'), 'b.png'),  # of something that was read
        (OSError('image b.png cannot be read'), r'^image b\.png cannot be read$'),
        (KeyboardInterrupt(), ''),
    ]:
        with pytest.raises(type(error), match=message):
            write(error)
        assert path.read_text(encoding='utf-8') == 'größer'
        assert os.listdir(tmp_path) == ['a.txt']


def test_a_folder_that_is_a_file_is_named(tmp_path):
    (tmp_path / 'a').touch()
    with pytest.raises(OSError, match=r'a/b/c\.txt could not be written \(Not a directory\)'):
        write_atomically('', tmp_path / 'a' / 'b' / 'c.txt')
