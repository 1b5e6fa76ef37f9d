"""Small videos of every kind, written by FFmpeg."""

from fractions import Fraction
from itertools import accumulate

import av
import cv2
import numpy as np

RATE = Fraction(25, 2)
OPEN = {'g': 12, 'bf': 3, 'x264-params': 'open-gop=1'}  # pictures that precede the key frame they need
KINDS = {  # name: encoder, its options
    'h264.mp4': ('libx264', dict(g=12, bf=3)),
    'open.mkv': ('libx264', OPEN),
    'open.ts': ('libx264', OPEN),
    'a.m4v': ('libx264', {}),
    'a.mov': ('mpeg4', {}),
    'mjpeg.avi': ('mjpeg', {}),
    'xvid.avi': ('mpeg4', dict(bf=2)),
    'mpeg4.mkv': ('mpeg4', {}),
    'vp8.webm': ('libvpx', {'g': 6, 'auto-alt-ref': 1, 'lag-in-frames': 10}),
    'vp9.webm': ('libvpx-vp9', dict(g=20)),
    'vp9.mp4': ('libvpx-vp9', {}),
    'a.flv': ('libx264', {}),
}


def moving(count, size=(48, 32)):
    """Frames of blurred noise that moves to the right: (H, W, 3), uint8, BGR."""
    noise = np.random.default_rng(0).integers(0, 256, (*size[::-1], 3), dtype=np.uint8)
    picture = cv2.GaussianBlur(noise, (0, 0), 1)
    return [np.roll(picture, 3 * i, axis=1) for i in range(count)]


def write(
    path, codec, count=60, size=(48, 32), steps=None, dropped=(), rotation=None, container=None, title='', **options
):
    """Write a video; ``steps`` are the frames' durations in milliseconds, where they vary, ``dropped`` lacks frames."""
    with av.open(f'file:{path}', 'w') as file:
        if title:
            file.metadata['title'] = title
        stream = file.add_stream(codec, rate=RATE, options={key: str(value) for key, value in options.items()})
        stream.width, stream.height = size
        stream.pix_fmt = 'yuvj420p' if codec == 'mjpeg' else 'yuv420p'
        base = Fraction(1, 1000) if steps else 1 / RATE
        if steps:
            stream.time_base = stream.codec_context.time_base = base
        if rotation is not None:
            stream.set_display_rotation(rotation[0], hflip=rotation[1])
        times = list(accumulate(steps or [1] * count, initial=0))
        for number, (time, picture) in enumerate(zip(times, moving(count, size))):
            if number in dropped:
                continue
            frame = av.VideoFrame.from_ndarray(picture, 'bgr24')
            frame.pts, frame.time_base = time, base
            file.mux(stream.encode(frame))
        file.mux(stream.encode(None))
    return path


def video(folder, name, count=60, **settings):
    """Write a video of a kind under its name."""
    codec, options = KINDS[name]
    return write(folder / name, codec, count, **settings, **options)
