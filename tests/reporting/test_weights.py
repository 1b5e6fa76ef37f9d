import os
import shutil

import pytest

from i2vda_mmseg.reporting.run_record import find_weights


@pytest.fixture
def folder(tmp_path):
    """A work dir of its own training, which saved two checkpoints."""
    folder = tmp_path / 'runs' / 'b'
    folder.mkdir(parents=True)
    for name in ('iter_4.pth', 'iter_8.pth'):
        (folder / name).write_text(f'b {name}')
    (folder / 'last_checkpoint').write_text('/elsewhere/work/iter_8.pth')
    return folder


def of_another_run(tmp_path, content):
    path = tmp_path / 'runs' / 'a' / 'iter_8.pth'
    path.parent.mkdir()
    path.write_text(content)
    return path


def test_the_tested_file_counts_and_not_one_of_its_name(folder, tmp_path):
    path = of_another_run(tmp_path, 'a')
    note = f'samples and clip are of {path}, which was tested, and not of the other iter_8.pth in the work dir'
    assert find_weights(folder, str(path)) == (path, note)


def test_a_copy_or_a_link_needs_no_note(folder, tmp_path):
    path = of_another_run(tmp_path, 'b iter_8.pth')
    assert find_weights(folder, str(path)) == (path, '')
    (folder / 'iter_8.pth').unlink()
    (folder / 'iter_8.pth').symlink_to(path)
    assert find_weights(folder, str(path)) == (path, '')
    (folder / 'iter_8.pth').unlink()
    assert find_weights(folder, str(path)) == (path, '')


def test_a_moved_work_dir_has_what_was_tested(folder):
    note = f'/elsewhere/work/iter_4.pth, which was tested, is not there; samples and clip are of {folder}/iter_4.pth'
    assert find_weights(folder, '/elsewhere/work/iter_4.pth') == (folder / 'iter_4.pth', note)
    assert find_weights(folder, '/elsewhere/work/iter_5.pth').path == folder / 'iter_8.pth'  # the last one
    assert '/elsewhere/work/iter_5.pth, which was' in find_weights(folder, '/elsewhere/work/iter_5.pth').note


def test_a_relative_path_is_not_taken_for_one_below_another_folder(folder, tmp_path, monkeypatch):
    """metrics.json names runs/b/iter_8.pth, and the page is made where there is another runs/b."""
    shutil.copytree(tmp_path / 'runs', tmp_path / 'other' / 'runs')
    (tmp_path / 'other/runs/b/iter_8.pth').write_text('other')
    monkeypatch.chdir(tmp_path / 'other')
    for name in ('runs/b/iter_8.pth', 'b/iter_8.pth', 'iter_8.pth'):
        assert find_weights(folder, name) == (folder / 'iter_8.pth', '')
    found = find_weights(folder, os.path.join('.', 'runs/b/../b/iter_8.pth'))
    assert found.path.read_text() == 'other'


def test_the_last_one_and_one_by_name(folder, tmp_path):
    assert find_weights(folder) == (folder / 'iter_8.pth', '')
    path = str(of_another_run(tmp_path, 'a'))
    assert find_weights(folder, path, 'iter_4.pth') == (folder / 'iter_4.pth', '')
    assert find_weights(folder, path, '/elsewhere/iter_8.pth') == (folder / 'iter_8.pth', '')
    with pytest.raises(FileNotFoundError, match=r'no checkpoint iter_5\.pth'):
        find_weights(folder, path, 'iter_5.pth')
