"""Lists that went bad, and what a wrong root or a folder among the files gives."""

import pytest

from i2vda_mmseg.datasets import CityscapesSeqDataset, ViperDataset
from i2vda_mmseg.fileio.listing import list_files, read_list

from . import trees

LINES = ['001/001_00010.jpg', '002/002_00010']


@pytest.mark.parametrize('content', [
    '\n'.join(LINES), '\n'.join(LINES) + '\n', '\r\n'.join(LINES) + '\r\n', '\ufeff' + '\n'.join(LINES),
    f'\n\n{LINES[0]}  \n \t\n\t{LINES[1]}\n\n', '\r'.join(LINES),
])  # fmt: skip
def test_whatever_the_line_ends(tmp_path, content):
    (tmp_path / 'list.txt').write_bytes(content.encode())
    assert read_list(str(tmp_path / 'list.txt')) == LINES


@pytest.mark.parametrize('line', [
    '../../etc/passwd', '001/../../secret', '/etc/passwd', '..\\..\\secret', 'C:\\secret', './../secret', '..',
])  # fmt: skip
def test_paths_cannot_leave_the_root(tmp_path, line):
    (tmp_path / 'list.txt').write_text(f'001/001_00010.jpg\n\n{line}\n')
    with pytest.raises(ValueError, match=r'line 3 of .*list\.txt, .*, is no path below the data root'):
        read_list(str(tmp_path / 'list.txt'))


@pytest.mark.parametrize(('content', 'problem'), [
    (b'\x89PNG\r\n\x1a\n\xff\xfe', 'is no text in UTF-8'), ('a\n'.encode('utf-16'), 'is no text in UTF-8'),
    (b'a\0b\n', 'is no list: it holds bytes that are no text'), (b'', 'names no sample'),
    (b'\r\n \r\n', 'names no sample'),
])  # fmt: skip
def test_lists_that_are_none(tmp_path, content, problem):
    (tmp_path / 'list.txt').write_bytes(content)
    with pytest.raises(ValueError, match=rf'ann_file: .*list\.txt {problem}'):
        read_list(str(tmp_path / 'list.txt'))
    with pytest.raises(IsADirectoryError, match='is a folder; expected a text file'):
        read_list(str(tmp_path))


def test_a_list_that_asks_for_the_first_frame(tmp_path):
    trees.cityscapes(tmp_path, [trees.frame_name(number) for number in range(3)])
    (tmp_path / 'list.txt').write_text('ulm/ulm_000000_000000\n')
    with pytest.raises(FileNotFoundError, match=r'is the first frame of its clip.*asked for by .*list\.txt'):
        CityscapesSeqDataset(str(tmp_path), pairs='labelled', ann_file='list.txt')


def test_a_folder_in_place_of_a_file(tmp_path):
    trees.viper(tmp_path)
    path = tmp_path / 'train/img/001/001_00010.jpg'
    path.unlink()
    path.mkdir()
    with pytest.raises(FileNotFoundError, match=f'a folder in place of a file: {path}'):
        ViperDataset(str(tmp_path))


def test_links_are_followed_and_hidden_files_are_not_listed(tmp_path):
    trees.write_image(tmp_path / 'elsewhere/b.jpg', trees.image())
    trees.write_image(tmp_path / 'img/a.jpg', trees.image())
    trees.write_image(tmp_path / 'img/.hidden.jpg', trees.image())
    (tmp_path / 'img/linked').symlink_to(tmp_path / 'elsewhere')
    (tmp_path / 'img/gone.jpg').symlink_to(tmp_path / 'nothing.jpg')
    assert list_files(str(tmp_path / 'img'), '.jpg') == {'a': 'a.jpg', 'linked/b': 'linked/b.jpg'}
    assert list_files(str(tmp_path / 'img'), '.jpg', {'backend': 'local'}) == {'a': 'a.jpg', 'linked/b': 'linked/b.jpg'}
