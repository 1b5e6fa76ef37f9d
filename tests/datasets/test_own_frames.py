"""Frames that are not named, numbered or labelled as Cityscapes has them."""

from itertools import pairwise
from pathlib import Path

import pytest
from mmseg.registry import DATASETS
from PIL import Image

from . import trees

STAMPS = [1532402927612460 + 83333 * n + (400, -400, 0, 250)[n % 4] for n in range(12)]
NAMES = [
    ('{:06d}', range(12)),
    ('drive_3/frame{:04d}', range(95, 107)),
    ('b1c66a42/b1c66a42-6f7d68ca-{:07d}', range(1, 13)),
    ('n008__CAM_FRONT__{}', STAMPS),
    ('drive_{}', range(12)),
    ('x/y/{:05d}', range(0, 36, 3)),
]
PREFIX = dict(img_path='frames', seg_map_path='labels')


def build(root, type_='CityscapesSeqDataset', **options):
    return DATASETS.build(
        dict(
            type=type_,
            data_root=str(root),
            data_prefix=PREFIX,
            img_suffix='.jpg',
            seg_map_suffix='.png',
            serialize_data=False,
        )
        | options
    )


def write(root, names, labelled=(), suffix='.jpg'):
    for name in names:
        trees.write_image(root / f'frames/{name}{suffix}', trees.image())
    for name in labelled:
        trees.write_index_label(root / f'labels/{name}.png', trees.raw_label(range(34)))
    return root


def pairs_of(dataset):
    keys = [dataset.get_data_info(index)['frame_keys'] for index in range(len(dataset))]
    return [tuple(key.removeprefix('frames/').rpartition('.')[0] for key in pair) for pair in keys]


@pytest.mark.parametrize('is_labelled', [False, True])
@pytest.mark.parametrize(('pattern', 'numbers'), NAMES)
def test_all_pairs_of_a_clip_in_training_and_in_measuring(tmp_path, pattern, numbers, is_labelled):
    names = [pattern.format(number) for number in numbers]
    root = write(tmp_path, names, names if is_labelled else ())
    expected = list(pairwise(names))
    assert pairs_of(build(root, pairs='consecutive')) == expected
    assert pairs_of(build(root, 'CityscapesClipDataset', pairs='consecutive')) == expected
    clip = build(root, 'CityscapesClipDataset')
    assert [clip.get_data_info(index)['clip'] for index in range(len(clip))] == names[:1] * 12
    assert sorted(pairs_of(build(root, pairs='labelled'))) == sorted(expected if is_labelled else expected[-1:])
    if is_labelled:
        assert len(build(root)) == 12
        assert sorted(pairs_of(build(root, previous_frame=True))) == sorted(expected)


def test_densely_labelled_clips_keep_all_frames(tmp_path):
    names = [f'0006R0_f{number:05d}' for number in range(930, 1031)]
    root = write(tmp_path, names, names)
    assert len(build(root, 'CityscapesClipDataset')) == 101
    assert len(build(root, pairs='consecutive')) == len(build(root, pairs='labelled')) == 100


def test_strides(tmp_path):
    names = [f'{number:03d}' for number in range(0, 14, 2)]
    root = write(tmp_path, names, names[4:])
    assert pairs_of(build(root, pairs='consecutive', stride=5)) == [('000', '010'), ('002', '012')]
    assert pairs_of(build(root, pairs='labelled', stride=4)) == [('000', '008'), ('002', '010'), ('004', '012')]
    assert pairs_of(build(root, pairs='consecutive', frames=3, stride=3)) == [('000', '006', '012')]
    for options in (dict(stride=0, pairs='consecutive'), dict(stride=2)):
        with pytest.raises(ValueError, match=f'stride={options["stride"]}'):
            build(root, **options)


def test_a_labelled_pair_of_cityscapes_some_frames_apart(tmp_path):
    trees.cityscapes(tmp_path, [trees.frame_name(n) for n in range(14, 20)], [trees.frame_name(19)])
    target = dict(type='CityscapesSeqDataset', data_root=str(tmp_path), pairs='labelled')
    keys = DATASETS.build(target | dict(stride=5)).get_data_info(0)['frame_keys']
    assert [key[-22:-16] for key in keys] == ['000014', '000019']
    with pytest.raises(FileNotFoundError, match=r'ulm_000000_000013_leftImg8bit\.png, a frame before a labelled one'):
        DATASETS.build(target | dict(stride=6))


def test_endings_in_capitals_and_hidden_files(tmp_path):
    write(tmp_path, ['f_0', 'f_2'])
    write(tmp_path, ['f_1', 'f_3'], suffix='.JPG')
    for name in ('._f_0.jpg', '.DS_Store', 'Thumbs.db', '._f_1.JPG'):
        (tmp_path / 'frames' / name).write_bytes(b'\0\5\x16\7')
    dataset = build(tmp_path, pairs='consecutive', pipeline=[dict(type='LoadFramePair'), dict(type='PackFramePair')])
    assert [Path(path).name for path in dataset.get_data_info(0)['frame_paths']] == ['f_0.jpg', 'f_1.JPG']
    assert dataset.get_data_info(2)['frame_keys'] == ('frames/f_2.jpg', 'frames/f_3.JPG')
    assert dataset[1]['inputs'].shape == (2, 3, 8, 12)
    write(tmp_path, ['f_0'], suffix='.JPG')
    with pytest.raises(ValueError, match=r'f_0\.JPG and f_0\.jpg in .*frames have the same name'):
        build(tmp_path, pairs='consecutive')


def test_grey_frames_are_frames_everywhere(tmp_path):
    write(tmp_path, ['0', '1', '2'])
    Image.open(tmp_path / 'frames/1.jpg').convert('L').save(tmp_path / 'frames/1.jpg')
    pipeline = [dict(type='LoadFramePair'), dict(type='PackFramePair')]
    frame = build(tmp_path, pairs='consecutive', pipeline=pipeline)[0]['inputs'][1]
    assert (frame[0] == frame[2]).all()
    clip = build(tmp_path, 'CityscapesClipDataset', pipeline=[dict(type='LoadImage'), dict(type='PackSegInputs')])
    assert clip[1]['inputs'].shape == (3, 8, 12)


@pytest.fixture
def told(monkeypatch):
    """What is warned of."""
    texts = []
    monkeypatch.setattr('i2vda_mmseg.datasets.cityscapes_seq.print_log', lambda text, **_: texts.append(text))
    return texts


def test_frames_that_stand_alone_are_told(tmp_path, told):
    write(tmp_path, ['a_0', 'a_1', 'b_0', 'c_0', 'd_0'])
    assert pairs_of(build(tmp_path, pairs='consecutive')) == [('a_0', 'a_1')]
    assert len(build(tmp_path, 'CityscapesClipDataset')) == 2
    assert ['3 of 5 frames stand alone, such as b_0' in text for text in told] == [True, True]
    write(tmp_path, ['b_1', 'c_1'])
    assert len(build(tmp_path, pairs='consecutive')) == 3
    assert len(told) == 2


def test_labelled_frames_at_the_beginning_of_a_clip_are_told(tmp_path, told):
    root = write(tmp_path, ['f_5', 'f_6', 'f_7'], ['f_5', 'f_6'])
    assert pairs_of(build(root, pairs='labelled')) == [('f_5', 'f_6')]
    assert ['1 labelled frames, such as f_5, lack a frame before them' in text for text in told] == [True]


@pytest.mark.parametrize('line', ['b/7', 'frames/b/7.jpg', 'mine/frames/b/7', 'b/7.JPG', 'labels/b/7.png'])
def test_lists_name_frames_with_or_without_folders(tmp_path, line):
    names = [f'{drive}/{number}' for drive in 'ab' for number in range(5, 9)]
    root = write(tmp_path, names, names)
    (tmp_path / 'list.txt').write_text(f'{line}\n')
    listed = dict(ann_file='list.txt')
    assert pairs_of(build(root, pairs='labelled', **listed)) == [('b/6', 'b/7')]
    assert pairs_of(build(root, pairs='consecutive', **listed)) == [('b/5', 'b/6'), ('b/6', 'b/7'), ('b/7', 'b/8')]
    (tmp_path / 'list.txt').write_text(f'{line}\n')
    clips = build(root, 'CityscapesClipDataset', clip_list=str(tmp_path / 'list.txt'))
    assert {clips.get_data_info(index)['clip'] for index in range(len(clips))} == {'b/5'}


def test_a_list_may_name_a_frame_twice(tmp_path):
    root = write(tmp_path, ['f_1', 'f_2', 'f_3'])
    (tmp_path / 'list.txt').write_text('f_3\nf_2\nf_3\n')
    pairs = pairs_of(build(root, pairs='labelled', ann_file='list.txt'))
    assert pairs == [('f_2', 'f_3'), ('f_1', 'f_2'), ('f_2', 'f_3')]


def test_a_list_of_clips_that_is_ambiguous(tmp_path):
    root = write(tmp_path, [f'{drive}/{number}' for drive in 'ab' for number in range(5, 9)])
    (tmp_path / 'list.txt').write_text('7\n')
    with pytest.raises(ValueError, match=r"'7' in .*list\.txt .* a/7 and b/7"):
        build(root, 'CityscapesClipDataset', clip_list=str(tmp_path / 'list.txt'))
