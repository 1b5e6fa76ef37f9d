"""What may happen while an export labels a video: a sentence, and a file that plays."""

import errno
import os
import signal
import subprocess
import sys
import time

import av
import cv2
import numpy as np
import pytest
from browser import Browser, is_installed

from i2vda_mmseg.fileio.video_reader import VideoReader
from i2vda_mmseg.fileio.video_writer import VideoWriter
from i2vda_mmseg.runtime import command, live

FAST = ['--threads', '1', '--size', 'frame']


@pytest.fixture
def model(exported):
    (path,) = (path for path in exported[2] if path.suffix == '.onnx')
    return str(path)


def write_video(path, count, size=(64, 32)):
    noise = np.random.default_rng(0).integers(256, size=(*size[::-1], 3), dtype=np.uint8)
    with VideoWriter(path, 25) as writer:
        for i in range(count):
            writer.write(np.roll(cv2.GaussianBlur(noise, (0, 0), 2), 3 * i, axis=1))
    return path


def start(request, *arguments, **kwargs):
    """Run the tool as a person would."""
    tool = request.config.rootpath / 'tools' / 'segment_video.py'
    environment = os.environ | {'PYTHONPATH': str(request.config.rootpath)}
    command = [sys.executable, '-W', 'ignore', str(tool), *map(str, arguments)]
    return subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True, **kwargs)


def wait_for_masks(folder, count):
    until = time.monotonic() + 240
    while not folder.is_dir() or len(list(folder.glob('*.png'))) < count:
        assert time.monotonic() < until
        time.sleep(0.02)


@pytest.mark.parametrize(('told', 'code'), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_file_that_is_stopped_leaves_a_video_of_what_was_done(request, model, tmp_path, told, code):
    video = write_video(tmp_path / 'in.mp4', 3000)
    process = start(request, model, video, '--out', tmp_path / 'out.mp4', '--masks', tmp_path / 'masks', *FAST)
    wait_for_masks(tmp_path / 'masks', 20)
    process.send_signal(told)
    _, said = process.communicate()
    count = VideoReader(tmp_path / 'out.mp4').count()
    assert process.returncode == code, said
    assert 20 <= count < 3000
    assert f'segment_video: stopped after {count} frames; {tmp_path / "out.mp4"} holds what came before\n' in said
    assert 'Traceback' not in said
    assert len(list(VideoReader(tmp_path / 'out.mp4'))) == count == len(list((tmp_path / 'masks').glob('*.png')))


def test_a_live_source_that_is_stopped_ends_well(request, model, tmp_path):
    stream = tmp_path / 'in.ts'
    with av.open(str(write_video(tmp_path / 'in.mp4', 400))) as source, av.open(str(stream), 'w') as target:
        copied = target.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.dts is not None:
                packet.stream = copied
                target.mux(packet)
    out, masks = tmp_path / 'out.mp4', tmp_path / 'masks'
    process = start(request, model, '-', '--out', out, '--masks', masks, *FAST, stdin=subprocess.PIPE)
    process.stdin.buffer.write(stream.read_bytes())  # and then nothing: the pipe stays open
    process.stdin.flush()
    wait_for_masks(masks, 20)
    process.send_signal(signal.SIGINT)
    process.stdin.close()
    process.wait()
    assert process.returncode == 0, process.stderr.read()
    assert len(list(VideoReader(out))) == len(list(masks.glob('*.png'))) >= 20


class Unplugged:
    """A camera that is taken away while it sends."""

    def __init__(self, path, count):
        self._container, self._count = av.open(str(path)), count
        self.streams = self._container.streams

    def decode(self, stream):
        for number, frame in enumerate(self._container.decode(stream)):
            if number == self._count:
                raise av.error.OSError(errno.ENODEV, 'No such device', '/dev/video0')
            yield frame

    def close(self):
        self._container.close()


@pytest.mark.parametrize('options', [[], ['--live']])
def test_a_camera_that_goes_away_leaves_a_video(model, tmp_path, monkeypatch, options):
    video = write_video(tmp_path / 'in.mp4', 30)
    monkeypatch.setattr(live, '_open', lambda source, stall: Unplugged(video, 12))
    out = tmp_path / 'out.mp4'
    with pytest.raises(OSError, match=r'camera:0 went away or stalled \(No such device\); .*out\.mp4 holds what came'):
        command.main([model, 'camera:0', '--out', str(out), *FAST, *options])
    assert len(list(VideoReader(out))) >= 1
    assert options or VideoReader(out).count() == 12


@pytest.mark.skipif(not is_installed, reason='needs chromedriver and Chromium')
def test_the_video_plays_in_chromium(model, tmp_path, capsys):
    video, out = write_video(tmp_path / 'in.mp4', 50), tmp_path / 'out.mp4'
    command.main([model, str(video), '--out', str(out), *FAST])
    page = tmp_path / 'page.html'
    page.write_text(f'<!doctype html><title>video</title><video muted autoplay src="{out.name}"></video>')
    with Browser() as browser:
        browser.open(page)
        browser.wait_for("document.querySelector('video').currentTime > 0.5")
        duration, width, height, error = browser.run(
            "const v = document.querySelector('video'); return [v.duration, v.videoWidth, v.videoHeight, v.error]"
        )
    assert (width, height, error) == (64, 32, None)
    assert duration == pytest.approx(2.0, abs=0.1)
