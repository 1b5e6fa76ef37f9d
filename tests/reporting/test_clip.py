import base64
from io import BytesIO

import cv2
import numpy as np
import pytest
from PIL import Image

from i2vda_mmseg.reporting.clip import affordable, encode_frames, find_clip
from i2vda_mmseg.reporting.run_record import read_run


def picture(uri):
    return np.asarray(Image.open(BytesIO(base64.b64decode(uri.partition(',')[2]))).convert('RGB'))


def test_the_first_clip_of_the_test_data_is_the_default(two_runs):
    config = read_run(two_runs[0]).config
    clip = find_clip(config, None, max_frames=30)
    assert len(clip.names) == len(list(clip.read())) == 3
    assert next(clip.read()).shape == (48, 96, 3)


def test_a_clip_is_named_by_any_one_of_its_frames(two_runs):
    config = read_run(two_runs[0]).config
    first = find_clip(config, None, 30)
    second = find_clip(config, 'roadburg_000001_000019', 2)
    assert len(second.names) == 2
    assert set(first.names).isdisjoint(second.names)
    assert find_clip(config, f'{second.names[1]}_leftImg8bit.png', 2).names == second.names
    with pytest.raises(FileNotFoundError, match='neither a folder, nor a video, nor a frame of a clip'):
        find_clip(config, 'roadburg_000009_000019', 2)


def test_a_folder_needs_no_config(tmp_path):
    for number in range(3):
        cv2.imwrite(str(tmp_path / f'{number}.png'), np.full((20, 30, 3), (10 * number, 0, 200), np.uint8))
    clip = find_clip(None, str(tmp_path), max_frames=2)
    uris, size = encode_frames(clip.read())
    assert (len(uris), size) == (2, (30, 20))
    assert abs(picture(uris[1]).astype(int) - (200, 0, 10)).max() <= 4  # RGB again, through JPEG
    with pytest.raises(FileNotFoundError, match='no run has a config'):
        find_clip(None, None, max_frames=2)


def test_of_a_folder_of_several_clips_the_first_is_shown(tmp_path):
    for name in ('ulm_000000_000018', 'ulm_000000_000019', 'ulm_000001_000018'):
        cv2.imwrite(str(tmp_path / f'{name}.png'), np.zeros((20, 30, 3), np.uint8))
    assert len(list(find_clip(None, str(tmp_path), max_frames=9).read())) == 2


def test_large_frames_are_made_smaller():
    uris, size = encode_frames([np.zeros((512, 1024, 3), np.uint8)])
    assert size == (640, 320)
    assert picture(uris[0]).shape == (320, 640, 3)


def test_frames_beyond_the_budget_are_dropped_but_never_all():
    frames, track = ['1234'] * 5, ['12'] * 5
    assert affordable(frames, [track, track], most=24) == 3
    assert affordable(frames, [], most=8) == 2
    assert affordable(frames, [track], most=1) == 1
