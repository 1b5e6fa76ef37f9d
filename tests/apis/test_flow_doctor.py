"""The command line tools/flow_doctor.py."""

import os
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from PIL import Image

from i2vda_mmseg.flow import DISFlow, FlowCache, read_flo, write_davsn, write_flo, write_kitti
from i2vda_mmseg.streetworld import make_streetworld, render_clip

ROOT = Path(__file__).parents[2]
DOWN = np.array([1, -1], np.float32)
# What is written for F_01 and F_10 (H, W, 2), and what the tool must say.
FAULTS = {
    'none': (lambda f01, f10: (f01, f10), 'fits best as it is'),
    'reversed': (lambda f01, f10: (f10, f01), 'is reversed'),
    'negated': (lambda f01, f10: (-f01, -f10), 'is reversed'),
    'swapped': (lambda f01, f10: (f01[..., ::-1], f10[..., ::-1]), 'has its axes swapped'),
    'doubled': (lambda f01, f10: (2 * f01, 2 * f10), 'is too long by a factor of 2'),
    'halved': (lambda f01, f10: (f01 / 2, f10 / 2), 'is too short by a factor of 2'),
    'rows': (lambda f01, f10: (f01[::-1], f10[::-1]), 'is upside down'),
    'v': (lambda f01, f10: (f01 * DOWN, f10 * DOWN), 'is upside down'),
    'rows and v': (lambda f01, f10: (f01[::-1] * DOWN, f10[::-1] * DOWN), 'is upside down'),
}


@pytest.fixture(scope='module')
def world(tmp_path_factory):
    folder = tmp_path_factory.mktemp('doctor') / 'world'
    return make_streetworld(
        folder, clips=1, val_clips=1, images=0, synthia_images=0, frames=4, size=(64, 128), flow=True, progress=False
    )


def exact(world):
    return {path.name: read_flo(path) for path in sorted((world / 'cityscapes' / 'flow').rglob('*.flo'))}


def plant(flows, fault, folder):
    """Write the flows with a fault."""
    for name in [name for name in flows if name.endswith('_F01.flo')]:
        names = name, name.replace('_F01', '_F10')
        for file, flow in zip(names, FAULTS[fault][0](*(flows[n] for n in names))):
            write_flo(folder / file, flow)
    return folder


@pytest.mark.parametrize('fault', FAULTS)
def test_streetworld(doctor, world, tmp_path, fault):
    code, said = doctor(world, '--flow', plant(exact(world), fault, tmp_path / 'flow'))
    assert f'The flow {FAULTS[fault][1]}' in said
    assert code == (0 if fault == 'none' else 1)


@pytest.mark.parametrize('fault', FAULTS)
def test_real_frames(doctor, real_clip, tmp_path, fault):
    frames, flows = real_clip
    code, said = doctor(frames, '--size', '192x384', '--flow', plant(flows, fault, tmp_path / 'flow'))
    assert f'The flow {FAULTS[fault][1]}' in said
    assert code == (0 if fault == 'none' else 1)


@pytest.fixture(scope='module')
def real_clip():
    """The real frames, and the flow that DIS estimates between them at a smaller size."""
    folder = os.environ.get('I2VDA_REAL_CLIP')
    if not folder:
        pytest.skip('I2VDA_REAL_CLIP names no folder of real frames')
    paths = sorted(Path(folder).glob('*.png'))[:5]
    images = [cv2.resize(cv2.imread(str(path)), (384, 192), interpolation=cv2.INTER_AREA) for path in paths]
    frames = [torch.from_numpy(image[..., ::-1].copy()).permute(2, 0, 1)[None] for image in images]
    flows, dis = {}, DISFlow()
    for path, frame_0, frame_1 in zip(paths[1:], frames, frames[1:]):
        name = path.stem.removesuffix('_leftImg8bit')
        for direction, pair in (('F01', (frame_0, frame_1)), ('F10', (frame_1, frame_0))):
            flows[f'{name}_{direction}.flo'] = dis(*pair)[0].permute(1, 2, 0).numpy()
    return folder, flows


def test_estimates_without_flow(doctor, world, tmp_path):
    code, said = doctor(world / 'cityscapes', '--pairs', '2')
    assert code == 0
    assert 'DISFlow, 2 pairs' in said
    assert 'The flow fits best as it is.' in said
    sheet = np.asarray(Image.open(tmp_path / 'out' / 'sheet.png'))
    assert sheet.shape[1] > 5 * 160 * 2


def test_one_direction_of_many(doctor, world, tmp_path):
    flows = exact(world)
    name = next(name for name in flows if name.endswith('_F10.flo'))
    write_flo(tmp_path / 'flow' / 'deep' / name, flows[name])
    code, said = doctor(world, '--flow', tmp_path / 'flow')
    assert code == 0
    assert '1 pairs' in said
    assert 'F_01' not in said


def write_frames(folder, frames, pattern='frame_{:04d}.png'):
    folder.mkdir(parents=True, exist_ok=True)
    for i, frame in enumerate(frames):
        cv2.imwrite(str(folder / pattern.format(i)), frame.rgb[..., ::-1])
    return folder


@pytest.fixture(scope='module')
def clip():
    return render_clip(3, frames=4, size=(64, 128))


def dis(frame_a, frame_b):
    planes = [torch.from_numpy(frame.rgb).permute(2, 0, 1)[None] for frame in (frame_a, frame_b)]
    return DISFlow()(*planes)[0].permute(1, 2, 0).numpy()


@pytest.mark.parametrize('factor', [1, 2])
def test_formats_in_circulation(doctor, clip, tmp_path, factor):
    frames = write_frames(tmp_path / 'frames', clip, 'city_000000_{:06d}_leftImg8bit.png')
    for i in range(3):
        name = f'city_000000_{i + 1:06d}_{i:06d}_int16_x10.npy'
        write_davsn(tmp_path / 'davsn' / name, factor * dis(clip[i + 1], clip[i]))
        write_kitti(tmp_path / 'kitti' / f'city_000000_{i:06d}.png', factor * dis(clip[i], clip[i + 1]))
    for folder, direction in (('davsn', 'F_10'), ('kitti', 'F_01')):
        code, said = doctor(frames, '--flow', tmp_path / folder)
        assert code == factor - 1, said
        assert direction in said


@pytest.mark.parametrize('factor', [1, 0.5])
def test_cache(doctor, world, tmp_path, factor):
    root = world / 'cityscapes'
    cache = FlowCache.create(tmp_path / 'cache', dict(type='DISFlow'), (64, 128))
    for path in (root / 'flow').rglob('*.flo'):
        clip_name, number, direction = path.stem.rsplit('_', 2)
        folder = path.parent.relative_to(root / 'flow')
        ids = [f'leftImg8bit_sequence/{folder}/{clip_name}_{int(number) - i:06d}_leftImg8bit.png' for i in (1, 0)]
        cache.write(*(ids if direction == 'F01' else ids[::-1]), factor * read_flo(path))
    code, said = doctor(world, '--flow', tmp_path / 'cache')
    assert code == (0 if factor == 1 else 1)
    assert ('as it is' if factor == 1 else 'too short by a factor of 2') in said


def write_video(path, frames):
    video = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*'MJPG'), 10, (128, 64))
    assert video.isOpened()
    for frame in frames:
        video.write(np.ascontiguousarray(frame.rgb[..., ::-1]))
    video.release()
    return path


def test_video(doctor, clip, tmp_path):
    video = write_video(tmp_path / 'drive.avi', clip)
    code, said = doctor(video)
    assert code == 0
    assert '3 pairs' in said
    for i in range(3):
        write_flo(tmp_path / 'flow' / f'drive_{i:06d}.flo', -dis(clip[i], clip[i + 1]))
    code, said = doctor(video, '--flow', tmp_path / 'flow', '--pairs', '2')
    assert code == 1
    assert 'The flow is reversed' in said


def test_every_tenth_frame(doctor, clip, tmp_path):
    assert '3 pairs' in doctor(write_frames(tmp_path / 'frames', clip, 'frame_{:03d}0.png'))[1]


def test_nothing_moves(doctor, tmp_path):
    still = render_clip(0, frames=3, size=(64, 128), moving=False)
    code, said = doctor(write_frames(tmp_path / 'frames', still))
    assert code == 2
    assert 'cannot be judged: nothing moves' in said


def test_no_texture(doctor, tmp_path):
    for i in range(2):
        cv2.imwrite(str(tmp_path / f'{i}.png'), np.full((40, 60, 3), 80, np.uint8))
    code, said = doctor(tmp_path)
    assert code == 2
    assert 'too little texture' in said


WRONG = {
    'missing': (['nowhere'], 'there is no video and no folder at'),
    'empty': (['empty'], 'holds no frames'),
    'one frame': (['one'], 'no two consecutive'),
    'picture': (['frames/frame_0000.png'], 'is a single picture'),
    'not a video': (['notes.mp4'], 'cannot be read as a video'),
    'broken frame': (['broken'], 'frame_0002.png cannot be decoded'),
    'other size': (['frames', '--flow', 'small'], 'is of 32x64 (H x W), but the frames are of 64x128'),
    'same name': (['frames', '--flow', 'twice'], 'have the same name'),
    'no match': (['frames', '--flow', 'other'], 'frame_0001_F10.flo'),
    'damaged': (['frames', '--flow', 'damaged'], 'frame_0000.flo'),
    'no folder': (['frames', '--flow', 'nowhere'], 'is no folder'),
    'no picture': (['frames', '--out', 'sheet.doc'], 'is no picture'),
    'other root': (['frames', '--flow', 'cache'], 'holds none of the 3 pairs'),
    'size': (['frames', '--size', '64'], '--size 64 is not a size'),
    'pairs': (['frames', '--pairs', '0'], '--pairs must be at least 1'),
}


@pytest.fixture
def wreckage(clip, tmp_path, monkeypatch):
    """The current folder, with everything that ``WRONG`` names."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'empty').mkdir()
    Path('notes.mp4').write_text('no video')
    write_frames(tmp_path / 'frames', clip)
    write_frames(tmp_path / 'one', clip[:1])
    (write_frames(tmp_path / 'broken', clip) / 'frame_0002.png').write_bytes(b'\x89PNG')
    write_flo('small/frame_0000.flo', np.zeros((32, 64, 2)))
    for name in ('twice/a/frame_0000', 'twice/b/frame_0000', 'other/other', 'damaged/frame_0000'):
        write_flo(f'{name}.flo', np.zeros((64, 128, 2)))
    FlowCache.create('cache', dict(type='DISFlow'), (64, 128))
    Path('damaged/frame_0000.flo').write_bytes(b'PIEH')


@pytest.mark.usefixtures('wreckage')
@pytest.mark.parametrize('kind', WRONG)
def test_says_what_is_wrong(doctor, kind):
    argv, expected = WRONG[kind]
    code, said = doctor(*argv)
    assert code == 2
    assert said.startswith('flow_doctor: ')
    assert expected in said
