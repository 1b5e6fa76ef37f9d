"""Neighbours of labelled frames out of an archive in the layout of Cityscapes."""

import runpy
import shutil
import sys
import zipfile
from collections import namedtuple

import pytest
from mmseg.registry import DATASETS

from datasets.trees import cityscapes, frame_name
from i2vda_mmseg.datasets.preparing import extract_neighbours

FRAMES = [*range(30), *range(40, 70)]  # two snippets with a gap, labelled at 19 and 59


@pytest.fixture
def archives(tmp_path):
    """Sequences and labels as they are downloaded, with the readme that lies beside them."""
    for split, city in (('train', 'ulm'), ('val', 'munster')):
        frames = [frame_name(number, city) for number in FRAMES]
        cityscapes(tmp_path / 'whole', frames, [frame_name(number, city) for number in (19, 59)], split)
    packed = []
    for folder in ('leftImg8bit_sequence', 'gtFine'):
        path = tmp_path / f'{folder}.zip'
        with zipfile.ZipFile(path, 'w', zipfile.ZIP_DEFLATED) as archive:
            archive.writestr('README', 'read me')
            for file in sorted((tmp_path / 'whole' / folder).rglob('*.png')):
                archive.write(file, file.relative_to(tmp_path / 'whole'))
        packed.append(path)
    return packed


def test_neighbours_and_labels_are_written_and_are_pairs(archives, tmp_path):
    done = extract_neighbours(archives, tmp_path / 'out')
    assert (done.labelled, done.frames, done.written) == ({'train': 2, 'val': 2}, 8, 12)
    assert 'train: 2 labelled frames, but the data set has 2,975' in done.findings
    names = sorted(path.name for path in (tmp_path / 'out/leftImg8bit_sequence/train/ulm').iterdir())
    assert [name[11:17] for name in names] == ['000018', '000019', '000058', '000059']
    for path in (tmp_path / 'out').rglob('*.png'):
        assert path.read_bytes() == (tmp_path / 'whole' / path.relative_to(tmp_path / 'out')).read_bytes()

    root = str(tmp_path / 'out')
    loading = [dict(type='LoadFramePair')]
    pairs = DATASETS.build(dict(type='CityscapesSeqDataset', data_root=root, pairs='labelled', pipeline=loading))
    assert [info['frame_keys'][0][-22:-16] for info in map(pairs.get_data_info, range(len(pairs)))] == [
        '000018', '000058',
    ]  # fmt: skip
    assert len(DATASETS.build(dict(type='CityscapesSeqDataset', data_root=root, split='val', pipeline=[]))) == 2


def test_what_is_there_is_kept_and_what_is_not_whole_is_written_again(archives, tmp_path):
    extract_neighbours(archives, tmp_path / 'out', before=2, after=1)
    frames = sorted((tmp_path / 'out').rglob('ulm_*_leftImg8bit.png'))
    assert len(frames) == 8
    whole, marked = frames[0].read_bytes(), frames[1].stat().st_mtime_ns
    frames[0].write_bytes(whole[:20])
    assert extract_neighbours(archives, tmp_path / 'out', before=2, after=1).written == 1
    assert (frames[0].read_bytes(), frames[1].stat().st_mtime_ns) == (whole, marked)


def test_without_labels_the_20th_is_taken(archives, tmp_path):
    done = extract_neighbours(archives[:1], tmp_path / 'out', splits=['train'])
    assert done.labelled == {'train': 2}
    names = sorted(path.name[11:17] for path in (tmp_path / 'out').rglob('*.png'))
    assert names == ['000018', '000019', '000058', '000059']


def test_labels_that_are_unpacked_already_count(archives, tmp_path):
    shutil.copytree(tmp_path / 'whole/gtFine', tmp_path / 'out/gtFine')
    next((tmp_path / 'out/gtFine/train').rglob('*59_gtFine*')).unlink()
    assert extract_neighbours(archives[:1], tmp_path / 'out', splits=['train']).labelled == {'train': 1}


def test_frames_that_the_archive_lacks_are_told(archives, tmp_path):
    with zipfile.ZipFile(archives[0]) as archive, zipfile.ZipFile(tmp_path / 'less.zip', 'w') as less:
        for info in archive.infolist():
            if '000018' not in info.filename:
                less.writestr(info, archive.read(info))
    done = extract_neighbours([tmp_path / 'less.zip', archives[1]], tmp_path / 'out', splits=['train'])
    assert 'the archive lacks frames beside labelled ones: ulm/ulm_000000_000018' in done.findings


def damaged(path, where):
    content = bytearray(path.read_bytes())
    content[where] ^= 0xFF
    path.write_bytes(content)


def test_damage_is_named_and_leaves_no_file(archives, tmp_path):
    with zipfile.ZipFile(archives[0]) as archive:
        info = archive.getinfo('leftImg8bit_sequence/train/ulm/ulm_000000_000019_leftImg8bit.png')
    damaged(archives[0], info.header_offset + 30 + len(info.filename) + 40)
    with pytest.raises(ValueError, match=r'ulm_000000_000019_leftImg8bit\.png is damaged in .*fetch the archive again'):
        extract_neighbours(archives, tmp_path / 'out')
    assert not [path for path in (tmp_path / 'out').rglob('*') if '000019_leftImg8bit' in path.name]


def test_wrong_archives_are_one_sentence(archives, tmp_path, monkeypatch):
    (tmp_path / 'cut.zip').write_bytes(archives[0].read_bytes()[:-100])
    for given, options, said in (
        (['absent.zip'], {}, 'there is no archive at absent.zip'),
        ([tmp_path / 'cut.zip'], {}, 'is no whole zip archive'),
        (archives[1:], {}, 'no frame of train, val in'),
        (archives, dict(before=20), 'a snippet has 19 frames before the labelled one and 10 after, got 20 and 0'),
    ):
        with pytest.raises((OSError, ValueError), match=said):
            extract_neighbours(given, tmp_path / 'out', **options)
    usage = namedtuple('usage', 'total used free')
    monkeypatch.setattr(shutil, 'disk_usage', lambda path: usage(10, 10, 0))
    with pytest.raises(ValueError, match=r'out needs 0\.0 GB, and the disk has 0\.0 GB free'):
        extract_neighbours(archives, tmp_path / 'out')


def test_the_tool(archives, tmp_path, monkeypatch, capsys, request):
    monkeypatch.setattr(sys, 'argv', ['cityscapes_zip.py', *map(str, archives), '--out', str(tmp_path / 'out')])
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(f'{request.config.rootpath}/tools/prepare/cityscapes_zip.py', run_name='__main__')
    assert ended.value.code == 1  # it is not all of Cityscapes
    assert '8 frames, of which are labelled: 2 in train, 2 in val' in capsys.readouterr().out
