import io
import sys
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from threading import Event, Thread

import av
import numpy as np
import pytest

from i2vda_mmseg.runtime import live
from i2vda_mmseg.runtime.live import LiveSource

COUNT = 40


@pytest.fixture(scope='module')
def stream():
    """An MPEG transport stream of grey frames that become brighter."""
    buffer = io.BytesIO()
    with av.open(buffer, 'w', format='mpegts') as container:
        out = container.add_stream('mpeg2video', rate=25)
        out.width, out.height, out.pix_fmt = 96, 64, 'yuv420p'
        for i in range(COUNT):
            picture = np.full((64, 96, 3), 5 * i, np.uint8)
            container.mux(out.encode(av.VideoFrame.from_ndarray(picture, 'bgr24')))
        container.mux(out.encode(None))
    return buffer.getvalue()


@contextmanager
def served(content, length, stalls):
    """Serve ``content`` as the beginning of ``length`` bytes, and then stall or hang up."""
    end = Event()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header('Content-Type', 'video/mp2t')
            self.send_header('Content-Length', str(length))
            self.end_headers()
            self.wfile.write(content)
            self.wfile.flush()
            if stalls:
                end.wait(30)

        def log_message(self, *args):
            pass

    server = ThreadingHTTPServer(('127.0.0.1', 0), Handler)
    server.daemon_threads = True
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f'http://127.0.0.1:{server.server_address[1]}/front.ts'
    finally:
        end.set()
        server.shutdown()
        server.server_close()


class Pipe:
    """Standard input."""

    def __init__(self, content):
        self.buffer = io.BytesIO(content)
        self.buffer.seekable = lambda: False


def test_a_pipe_gives_every_frame(stream, monkeypatch):
    monkeypatch.setattr(sys, 'stdin', Pipe(stream))
    source = LiveSource('-')
    taken = list(source)
    assert [frame.begins for frame in taken] == [True] + [False] * (COUNT - 1)
    assert (source.fps, source.fault, source.dropped) == (25.0, '', 0)
    assert all(a.time <= b.time for a, b in pairwise(taken))
    values = [int(frame.image[0, 0, 0]) for frame in taken]
    assert values == sorted(set(values))  # each frame once, in their order


def test_a_camera_by_its_number(stream, monkeypatch, tmp_path):
    (tmp_path / 'video3').write_bytes(stream)
    monkeypatch.setattr(live, '_CAMERAS', {sys.platform: (None, str(tmp_path / 'video{}'))})
    assert len(list(LiveSource('camera:3'))) == COUNT
    with pytest.raises(OSError, match='camera:4 does not answer'):
        LiveSource('camera:4')
    with pytest.raises(ValueError, match=r'camera:front: expected the number'):
        LiveSource('camera:front')


def test_live_frames_are_dropped_rather_than_late(stream, monkeypatch):
    monkeypatch.setattr(sys, 'stdin', Pipe(stream))
    source = LiveSource('-', drop=True)
    taken = []
    for frame in source:
        taken.append(frame)
        time.sleep(0.05)
    assert 0 < source.dropped == COUNT - len(taken)
    assert int(taken[-1].image[0, 0, 0]) > 5 * (COUNT - 2)  # the last is never among the dropped
    assert source.fault == ''


@pytest.mark.parametrize('drop', [False, True])
def test_a_stream_that_stalls_ends_with_a_sentence(stream, drop):
    half = stream[: len(stream) // 2]
    with served(half, len(stream), stalls=True) as address:
        start = time.monotonic()
        source = LiveSource(address, drop=drop, stall=1.0)
        taken = list(source)
    assert taken
    assert 'front.ts went away or stalled' in source.fault
    assert time.monotonic() - start < 20


def test_a_stream_that_breaks_off_keeps_its_frames(stream):
    with served(stream, len(stream), stalls=False) as address:
        assert len(list(LiveSource(address, stall=2.0))) == COUNT
    with pytest.raises(OSError, match=r'front\.ts does not answer'):
        LiveSource(address, stall=2.0)


def test_what_is_no_video(monkeypatch):
    monkeypatch.setattr(sys, 'stdin', Pipe(b'no video at all' * 1000))
    with pytest.raises(OSError, match='- sends nothing that can be read as a video'):
        LiveSource('-')
