import pytest

from i2vda_mmseg.datasets import CityscapesSeqDataset

from . import trees
from .trees import frame_name


def pairs_of(dataset):
    """The frame numbers of each pair."""
    infos = [dataset.get_data_info(i) for i in range(len(dataset))]
    return [tuple(int(key.rsplit('_', 2)[1]) for key in info['frame_keys']) for info in infos]


def build(root, **kwargs):
    return CityscapesSeqDataset(str(root), **kwargs)


def clip(first, last, **kwargs):
    return [frame_name(number, **kwargs) for number in range(first, last + 1)]


def test_labelled_frames_for_evaluation(tmp_path):
    trees.cityscapes(tmp_path, clip(0, 29), [frame_name(19)], split='val')
    dataset = build(tmp_path, split='val', test_mode=True)
    info = dataset.get_data_info(0)
    assert len(dataset) == 1
    assert info['img_path'] == str(trees.frame_path(tmp_path, frame_name(19), 'val'))
    assert info['seg_map_path'] == str(trees.label_path(tmp_path, frame_name(19), 'val'))
    assert 'frame_paths' not in info


def test_pairs_of_frames_that_nobody_labels(tmp_path):
    trees.cityscapes(tmp_path, clip(0, 4))
    prefix = dict(img_path='leftImg8bit_sequence/train')
    assert pairs_of(build(tmp_path, pairs='consecutive', data_prefix=prefix)) == [(0, 1), (1, 2), (2, 3), (3, 4)]
    with pytest.raises(FileNotFoundError, match='data_prefix names no seg_map_path, which is needed here'):
        build(tmp_path, data_prefix=prefix)


def test_labelled_pair(tmp_path):
    trees.cityscapes(tmp_path, clip(0, 29), [frame_name(19)])
    dataset = build(tmp_path, pairs='labelled')
    info = dataset.get_data_info(0)
    key = 'leftImg8bit_sequence/train/ulm/ulm_000000_0000{}_leftImg8bit.png'
    assert info['frame_keys'] == (key.format(18), key.format(19))
    assert info['frame_paths'] == tuple(str(tmp_path / name) for name in info['frame_keys'])
    assert info['img_path'] == info['frame_paths'][1]
    assert 'seg_map_path' not in info


def test_absolute_counters(tmp_path):
    frames = clip(275, 304) + clip(305, 334) + clip(99990, 100019)
    labelled = [frame_name(number) for number in (294, 324, 100009)]
    trees.cityscapes(tmp_path, frames, labelled)
    assert pairs_of(build(tmp_path, pairs='labelled')) == [(293, 294), (323, 324), (100008, 100009)]
    consecutive = pairs_of(build(tmp_path, pairs='consecutive'))
    assert len(consecutive) == 3 * 29
    assert (304, 305) not in consecutive
    assert (99999, 100000) in consecutive


def test_adjacent_snippets_without_labels(tmp_path):
    trees.cityscapes(tmp_path, clip(275, 334) + clip(0, 4, sequence=1))
    assert pairs_of(build(tmp_path, pairs='labelled')) == [(293, 294), (323, 324), (3, 4)]
    consecutive = pairs_of(build(tmp_path, pairs='consecutive'))
    assert consecutive == [(n - 1, n) for n in [*range(276, 335), *range(1, 5)]]  # nothing tells where a snippet ends


def test_consecutive_pairs_stay_within_a_clip(tmp_path):
    trees.cityscapes(tmp_path, clip(0, 2) + clip(4, 5) + clip(3, 4, sequence=1))
    assert pairs_of(build(tmp_path, pairs='consecutive')) == [(0, 1), (1, 2), (4, 5), (3, 4)]


def test_list_restricts_consecutive_pairs_to_its_snippets(tmp_path):
    trees.cityscapes(tmp_path, clip(0, 59))
    (tmp_path / 'list.txt').write_text(f'{frame_name(49)}\n')
    assert pairs_of(build(tmp_path, pairs='consecutive', ann_file='list.txt')) == [(n - 1, n) for n in range(31, 60)]


def test_missing_previous_frame_names_its_path(tmp_path):
    trees.cityscapes(tmp_path, [*clip(0, 17), *clip(19, 29)], [frame_name(19)])
    with pytest.raises(FileNotFoundError, match=str(trees.frame_path(tmp_path, frame_name(18)))):
        build(tmp_path, pairs='labelled')


def test_first_frame_has_no_previous(tmp_path):
    trees.cityscapes(tmp_path, clip(0, 3), [frame_name(0)])
    with pytest.raises(FileNotFoundError, match='ulm_000000_000000 is the first frame'):
        build(tmp_path, pairs='labelled')


def test_label_without_frame(tmp_path):
    trees.cityscapes(tmp_path, clip(0, 18), [frame_name(19)])
    for pairs in (None, 'labelled', 'consecutive'):
        with pytest.raises(FileNotFoundError, match=str(trees.frame_path(tmp_path, frame_name(19)))):
            build(tmp_path, pairs=pairs)


@pytest.mark.parametrize('line', [
    'ulm/ulm_000000_000019_leftImg8bit.png',
    'train/ulm/ulm_000000_000019_leftImg8bit.png',
    'leftImg8bit/train/ulm/ulm_000000_000019_leftImg8bit',
    'ulm/ulm_000000_000019',
    'ulm/ulm_000000_000019.png',
    'train/ulm/ulm_000000_000019_gtFine_labelIds.png',
    'ulm\\ulm_000000_000019_gtFine_labelIds',
])  # fmt: skip
def test_list_lines(tmp_path, line):
    trees.cityscapes(tmp_path, clip(18, 20), [frame_name(19)])
    (tmp_path / 'list.txt').write_bytes(f'\r\n{line}\r\n\r\n'.encode())
    assert pairs_of(build(tmp_path, pairs='labelled', ann_file='list.txt')) == [(18, 19)]
    assert len(build(tmp_path, ann_file='list.txt')) == 1


def test_unreadable_list_line(tmp_path):
    trees.cityscapes(tmp_path, clip(18, 20))
    (tmp_path / 'list.txt').write_text('ulm/readme.md\n')
    with pytest.raises(ValueError, match=r"'ulm/readme\.md' in .*list\.txt"):
        build(tmp_path, pairs='labelled', ann_file='list.txt')


def test_wrong_layouts(tmp_path):
    with pytest.raises(FileNotFoundError, match=r'no such folder: .*leftImg8bit_sequence/train[\s\S]*gtFine/\{split\}'):
        build(tmp_path)
    trees.cityscapes(tmp_path, clip(0, 1))
    with pytest.raises(FileNotFoundError, match=r'no such folder: .*gtFine/train'):
        build(tmp_path)
    trees.write_image(tmp_path / 'leftImg8bit_sequence/train/ulm/cover_leftImg8bit.png', trees.image())
    with pytest.raises(FileNotFoundError, match='no frame number in the name'):
        build(tmp_path, pairs='consecutive')


def test_single_frames_make_no_pair(tmp_path):
    trees.cityscapes(tmp_path, [*clip(0, 3), frame_name(5)])
    alone = trees.frame_path(tmp_path, frame_name(5))
    for pairs in ('labelled', 'consecutive'):
        with pytest.raises(FileNotFoundError, match=f'clip of a single frame.*: {alone}'):
            build(tmp_path, pairs=pairs)


def test_class_spaces_and_unknown_arguments(tmp_path):
    trees.cityscapes(tmp_path, clip(18, 20), [frame_name(19)])
    twelve = build(tmp_path, class_space='synthia12')
    assert twelve.metainfo['classes'][10] == 'rider'
    assert len(twelve.metainfo['palette']) == 12
    assert len(build(tmp_path).metainfo['classes']) == 15
    subset = build(tmp_path, class_space='synthia12', metainfo={'classes': ['rider', 'pole']})
    assert {raw: index for raw, index in subset.label_map.items() if index != 255} == {25: 0, 17: 1}
    with pytest.raises(ValueError, match="class_space='13'"):
        build(tmp_path, class_space='13')
    with pytest.raises(ValueError, match="pairs='any'"):
        build(tmp_path, pairs='any')


@pytest.mark.parametrize('labelled', [0, 5, 19, 29])
def test_one_label_anywhere_in_a_run_of_thirty_loses_no_pair(tmp_path, labelled):
    trees.cityscapes(tmp_path, clip(0, 29), [frame_name(labelled)])
    assert pairs_of(build(tmp_path, pairs='consecutive')) == [(n - 1, n) for n in range(1, 30)]


def test_gap_within_a_snippet_names_the_missing_frame(tmp_path):
    trees.cityscapes(tmp_path, [*clip(3, 7), *clip(9, 21)], [frame_name(19)])
    with pytest.raises(FileNotFoundError, match=rf'{trees.frame_path(tmp_path, frame_name(8))}, a gap in its snippet'):
        build(tmp_path, pairs='consecutive')
