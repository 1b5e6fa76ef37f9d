from itertools import pairwise

import pytest
from mmseg.registry import DATA_SAMPLERS, DATASETS

from .trees import cityscapes, frame_name

PIPELINE = [dict(type='LoadImage'), dict(type='PackSegInputs')]


def clips_of(root, **options):
    return DATASETS.build(dict(type='CityscapesClipDataset', data_root=str(root), pipeline=PIPELINE) | options)


def places(dataset):
    infos = [dataset.get_data_info(index) for index in range(len(dataset))]
    return [(info['clip'], info['frame_index'], info['frame_key'].rpartition('_leftImg8bit')[0][-6:]) for info in infos]


@pytest.fixture
def root(tmp_path):
    """Snippets [0, 29] and [30, 59] of one recording with frames 17 to 33, and a clip of another city."""
    frames = [frame_name(number) for number in range(17, 34)] + [frame_name(n, 'bonn') for n in (19, 20)]
    return cityscapes(tmp_path, frames, [frame_name(19)])


def test_labels_closer_than_snippets_are_no_ends_of_snippets(root):
    for name in (frame_name(33), frame_name(19, 'bonn')):
        cityscapes(root, [], [name])
    expected = [(frame_name(19, 'bonn'), index, f'{19 + index:06d}') for index in range(2)]
    expected += [(frame_name(17), index, f'{17 + index:06d}') for index in range(17)]
    assert places(clips_of(root)) == expected


def test_snippets_of_one_recording_are_two_clips(tmp_path):
    numbers = range(17, 52)
    dataset = clips_of(cityscapes(tmp_path, map(frame_name, numbers), [frame_name(19), frame_name(49)]))
    expected = [(frame_name(17), number - 17, f'{number:06d}') for number in range(17, 30)]
    expected += [(frame_name(30), number - 30, f'{number:06d}') for number in range(30, 52)]
    assert places(dataset) == expected


def test_without_labels_nothing_tells_where_a_snippet_ends(tmp_path):
    names = [*map(frame_name, range(5, 38)), frame_name(0, 'bonn')]
    found = places(clips_of(cityscapes(tmp_path, names)))
    assert found == [(frame_name(5), n, f'{5 + n:06d}') for n in range(33)]  # the single frame of Bonn is no clip


@pytest.mark.parametrize('line', [
    'ulm_000000_000019_leftImg8bit.txt', 'val/ulm/ulm_000000_000031_leftImg8bit.png', 'ulm/ulm_000000_000019',
    'ulm_000000_000019_gtFine_labelIds.png\r\n\r\nulm_000000_000020',
])  # fmt: skip
def test_a_list_names_clips_by_any_of_their_frames(tmp_path, line):
    root = cityscapes(tmp_path, [frame_name(n, city) for city in ('ulm', 'bonn') for n in range(17, 34)])
    (tmp_path / 'clips.lst').write_text(line)
    found = places(clips_of(root, clip_list=str(tmp_path / 'clips.lst')))
    assert {place[0] for place in found} == {frame_name(17)}
    assert len(found) == 17


def test_a_sample_says_where_it_stands_and_reads_no_label(root):
    sample = clips_of(root)[5]['data_samples']
    assert (sample.clip, sample.frame_index) == (frame_name(17), 3)
    assert sample.frame_key == f'leftImg8bit_sequence/train/{frame_name(20)}_leftImg8bit.png'
    assert sample.img_path.endswith(sample.frame_key)
    assert 'gt_sem_seg' not in sample


def test_the_frame_before(root):
    dataset = clips_of(root, previous_frame=True)
    pairs = [[path[-21:-16] for path in dataset.get_data_info(index)['frame_paths']] for index in (2, 3, 4)]
    assert pairs == [['00017', '00017'], ['00017', '00018'], ['00018', '00019']]


def test_pairs_are_those_within_clips(root):
    pipeline = [dict(type='LoadFramePair'), dict(type='PackFramePair')]
    dataset = clips_of(root, pairs='consecutive', pipeline=pipeline)
    keys = [dataset.get_data_info(index)['frame_keys'] for index in range(len(dataset))]
    currents = [19, *range(17, 33)]  # a run of fewer than 30 with one label may be a part of any snippet
    assert [(a[-22:-16], b[-22:-16]) for a, b in keys] == [(f'{n:06d}', f'{n + 1:06d}') for n in currents]
    assert dataset[0]['inputs'].shape == (2, 3, 8, 12)


def test_what_is_refused(root, tmp_path):
    with pytest.raises(ValueError, match="must be None or 'consecutive'"):
        clips_of(root, pairs='labelled')
    with pytest.raises(FileNotFoundError, match=r'no such list file: absent\.lst'):
        clips_of(root, clip_list='absent.lst')
    (tmp_path / 'clips.lst').write_text('ulm_000000_000099')
    with pytest.raises(ValueError, match=r"'ulm_000000_000099' in .*clips.lst is no frame of a clip"):
        clips_of(root, clip_list=str(tmp_path / 'clips.lst'))
    (tmp_path / 'clips.lst').write_text('\n \n')
    with pytest.raises(ValueError, match='names no clip'):
        clips_of(root, clip_list=str(tmp_path / 'clips.lst'))
    holes = cityscapes(tmp_path / 'holes', map(frame_name, (17, 19)), [frame_name(19)])
    with pytest.raises(FileNotFoundError, match=r'000018_leftImg8bit.png, a gap in its snippet'):
        clips_of(holes)
    alone = cityscapes(tmp_path / 'alone', [frame_name(19)], [frame_name(19)])
    with pytest.raises(FileNotFoundError, match='no clip of two consecutive frames'):
        clips_of(alone)


@pytest.mark.parametrize('world_size', [1, 2, 3, 5])
def test_ranks_share_whole_clips(tmp_path, monkeypatch, world_size):
    names = [frame_name(n, 'ulm', sequence) for sequence in range(4) for n in range(2 + sequence)]
    dataset = clips_of(cityscapes(tmp_path, names))
    seen = []
    for rank in range(world_size):
        monkeypatch.setattr('i2vda_mmseg.datasets.clip_sampler.get_dist_info', lambda rank=rank: (rank, world_size))
        sampler = DATA_SAMPLERS.build(dict(type='ClipSampler', dataset=dataset, seed=3))
        own = [places(dataset)[index] for index in sampler]
        assert len(sampler) == len(own)
        assert all(b[:2] == (a[0], a[1] + 1) or b[1] == 0 for a, b in pairwise(own))
        seen += own
    assert sorted(seen) == places(dataset)
    assert len(seen) == 2 + 3 + 4 + 5


def test_a_data_set_without_clips(root):
    labelled = DATASETS.build(dict(type='CityscapesSeqDataset', data_root=str(root), pipeline=PIPELINE))
    with pytest.raises(TypeError, match='ClipSampler needs a data set of clips, got CityscapesSeqDataset'):
        DATA_SAMPLERS.build(dict(type='ClipSampler', dataset=labelled))
