"""Numbers, clips, steps and gaps, by names alone."""

import pytest

from i2vda_mmseg.fileio.frames import FrameIndex, place_of, shifted, windows_of


def named(pattern, numbers):
    return [pattern.format(number) for number in numbers]


TIME_STAMPS = [1532402927612460 + 83333 * n + (400, -400, 0, 250)[n % 4] for n in range(12)]
NAMES = [
    ('{:06d}', range(12)),
    ('frame{:04d}', range(12)),
    ('drive-{:04d}', range(95, 107)),
    ('b1c66a42-6f7d68ca-{:07d}', range(1, 13)),  # BDD100K
    ('0006R0_f{:05d}', range(930, 942)),  # CamVid
    ('0016E5_{:05d}', range(7959, 7983, 2)),
    ('n008-2018-08-01-15-16-36-0400__CAM_FRONT__{}', TIME_STAMPS),  # nuScenes
    ('drive/frankfurt_000000_{:06d}_leftImg8bit', range(275, 287)),
    ('drive_{}', range(12)),  # without padding
    ('f{}_left', range(12)),
    ('{:05d}', range(0, 36, 3)),  # every third frame
    ('1305031102.{:06d}', range(175304, 575304, 33334)),  # seconds, TUM RGB-D
    ('1305031102.{}', (1, 15, 2, 25, 3, 35, 4, 45, 5, 55, 6, 65)),
]


@pytest.mark.parametrize(('pattern', 'numbers'), NAMES)
def test_names_of_one_clip(pattern, numbers):
    names = named(pattern, numbers)
    assert FrameIndex(sorted(names)).clips == [names]
    assert len(windows_of(names)) == 11


def test_seconds_follow_each_other_over_the_full_second():
    names = named('{}', ('1305031102.9', '1305031102.933334', '1305031102.966667', '1305031103.0', '1305031103.033'))
    assert FrameIndex(reversed(names)).clips == [names]


@pytest.mark.parametrize('step', [1, 2, 7, 83333])
def test_a_gap_is_more_than_one_and_a_half_steps(step):
    numbers = [0, step, 2 * step, 3 * step, 3 * step + int(1.5 * step), 5 * step + int(1.5 * step) + step]
    clips = FrameIndex(named('f{}', numbers)).clips
    assert [len(clip) for clip in clips] == [5, 1]


def test_each_clip_has_its_own_step():
    names = named('a/{:03d}', range(0, 9, 3)) + named('b/{:03d}', range(4)) + named('b/{:03d}_right', range(0, 20, 5))
    assert [len(clip) for clip in FrameIndex(names).clips] == [3, 4, 4]


def test_clips_are_in_the_order_of_the_numbers_in_their_names():
    names = ['drive10_1', 'drive10_2', 'drive9_1', 'drive9_2']
    assert FrameIndex(names).clips == [['drive9_1', 'drive9_2'], ['drive10_1', 'drive10_2']]


def test_frames_without_numbers():
    assert FrameIndex(['street', 'garden', 'house']).clips == [['garden', 'house', 'street']]
    assert FrameIndex(['last', 'f2', 'f1']).clips == [['f1', 'f2'], ['last']]
    assert place_of('take2/garden') is None
    with pytest.raises(ValueError, match='take2/garden has no frame number'):
        shifted('take2/garden', 1)
    with pytest.raises(ValueError, match=r'1305031102\.17 has no frame number'):
        shifted('1305031102.17', 1)


def test_two_frames_of_one_number():
    with pytest.raises(ValueError, match='a/f_1 and a/f_01 have the same number'):
        FrameIndex(['a/f_1', 'a/f_01', 'b/f_1'])
    assert len(FrameIndex(['a/f_1_left', 'a/f_1_right', 'f_1_leftImg8bit', 'f_1']).clips) == 4


def cityscapes(*numbers):
    return [f'ulm/ulm_000000_{number:06d}' for number in numbers]


@pytest.mark.parametrize('pattern', ['ulm/ulm_000000_{:06d}', '{:04d}'])
@pytest.mark.parametrize(('start', 'labels', 'lengths'), [
    (275, (), [90]),
    (275, (294, 324, 354), [30, 30, 30]),
    (275, (294,), [30, 30, 30]),
    (275, (324,), [30, 30, 30]),
    (0, range(90), [90]),  # densely labelled
    (0, range(0, 90, 10), [90]),
    (0, (0, 45, 89), [90]),
    (0, (50,), [90]),
])  # fmt: skip
def test_snippets_end_where_labels_show_it(pattern, start, labels, lengths):
    names = named(pattern, range(start, start + 90))
    assert [len(clip) for clip in FrameIndex(names, named(pattern, labels)).clips] == lengths


def test_a_label_every_second_is_no_sign_of_snippets():
    names = named('drive_{:06d}', range(100))
    assert FrameIndex(names, named('drive_{:06d}', range(0, 100, 30))).clips == [names]
    stamps = named('{}', range(10**9, 10**9 + 3000, 30))
    assert FrameIndex(stamps, stamps[::30]).clips == [stamps]


def test_snippets_of_every_third_frame():
    names = cityscapes(*range(1, 60, 3))
    index = FrameIndex(names, cityscapes(19, 49))
    assert index.clips == [cityscapes(*range(1, 30, 3)), cityscapes(*range(31, 60, 3))]
    assert index.lost() == []


def test_what_lacks_in_a_snippet_is_lost_in_cityscapes_only():
    numbers = [*range(10), *range(12, 30)]
    assert FrameIndex(cityscapes(*numbers), cityscapes(19)).lost() == cityscapes(10, 11)
    assert FrameIndex(cityscapes(*numbers)).lost() == []
    assert FrameIndex(cityscapes(*numbers), cityscapes(*numbers)).lost() == []
    assert FrameIndex(named('f{}', numbers), ['f19']).lost() == []


def test_labelled_frames_alone_are_no_sequence():
    names = cityscapes(294, 576, 1016, 1236, 1751)
    index = FrameIndex(names, names)
    assert index.alone() == names
    assert index.before(names[1]) == cityscapes(575)


def test_windows():
    names = named('f{:02d}', range(0, 20, 2))
    index = FrameIndex(names)
    assert index.window('f08') == ('f06', 'f08')
    assert index.window('f08', length=3) == ('f04', 'f06', 'f08')
    assert index.window('f08', stride=3) == ('f02', 'f08')
    assert index.window('f08', stride=5) is None
    assert index.before('f08', stride=2, length=3) == ['f04', 'f00']
    assert windows_of(names[:5], length=3, stride=2) == [('f00', 'f04', 'f08')]


def test_middle_frames():
    assert FrameIndex(cityscapes(*range(35), 50)).middle_frames() == cityscapes(19, 34)


def test_names_before():
    assert shifted('ulm/ulm_000000_000100', -1) == 'ulm/ulm_000000_000099'
    assert shifted('ulm/ulm_000000_000000', -1) == ''
    assert shifted('a/ulm_000000_000010_leftImg8bit', -1) == 'a/ulm_000000_000009_leftImg8bit'
