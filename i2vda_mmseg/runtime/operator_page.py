"""A page for whoever watches over a robot: the latest picture, over HTTP, on this machine alone."""

from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Condition, Thread
from types import TracebackType
from typing import ClassVar, Self

import numpy as np

from .pictures import encode_jpeg

_PAGE = b"""<!doctype html><html lang="en"><meta charset="utf-8"><title>Segmentation</title>
<style>body{margin:0;background:#111}img{display:block;width:100vw;height:100vh;object-fit:contain}</style>
<img src="stream.mjpeg" alt="the latest frame, with the colours of its classes"></html>"""
_BOUNDARY = 'frame'


class OperatorPage:
    """Serves pictures as Motion JPEG on the loopback address; a context manager.

    ``/`` is a page that shows ``/stream.mjpeg``; ``/latest.jpg`` is one picture. A slow watcher misses pictures and
    holds nobody up; a picture is encoded only while somebody watches.

    Args:
        port: Where; 0 takes a free one.

    Attributes:
        address: Of the page.

    Raises:
        OSError: If the port is taken.
    """

    def __init__(self, port: int) -> None:
        self._changed = Condition()
        self._image: np.ndarray | None = None
        self._number, self._jpeg, self._encoded, self._is_open = 0, b'', 0, True
        handler = type('Handler', (_Handler,), {'page': self})
        try:
            self._server = ThreadingHTTPServer(('127.0.0.1', port), handler)
        except OSError as error:
            raise OSError(f'the page cannot be served on port {port} ({error.strerror}); choose another') from error
        self._server.daemon_threads = True
        self.address = f'http://127.0.0.1:{self._server.server_address[1]}/'

    def __enter__(self) -> Self:
        Thread(target=self._server.serve_forever, daemon=True, name='page').start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End all streams and give the port back."""
        with self._changed:
            self._is_open = False
            self._changed.notify_all()
        self._server.shutdown()
        self._server.server_close()

    def show(self, image: np.ndarray) -> None:
        """Let (H, W, 3), uint8, BGR, be the latest picture."""
        with self._changed:
            self._image, self._number = image, self._number + 1
            self._changed.notify_all()

    def wait(self, seen: int, seconds: float) -> tuple[bytes, int]:
        """Give the first picture after number ``seen`` as JPEG, and its number; b'' when there was none in time."""
        with self._changed:
            self._changed.wait_for(lambda: self._number > seen or not self._is_open, seconds)
            if not self._is_open or self._image is None or self._number <= seen:
                return b'', seen
            if self._encoded != self._number:
                self._jpeg, self._encoded = encode_jpeg(self._image), self._number
            return self._jpeg, self._number

    @property
    def is_open(self) -> bool:
        """Whether pictures may still come."""
        return self._is_open


class _Handler(BaseHTTPRequestHandler):
    page: ClassVar[OperatorPage]

    def do_GET(self) -> None:
        """Answer with the page, the stream or a picture."""
        if self.path == '/':
            self._send(_PAGE, 'text/html; charset=utf-8')
        elif self.path == '/latest.jpg':
            picture, _ = self.page.wait(0, 5.0)
            self._send(picture, 'image/jpeg', 200 if picture else 503)
        elif self.path == '/stream.mjpeg':
            self._stream()
        else:
            self.send_error(404)

    def _send(self, content: bytes, kind: str, code: int = 200) -> None:
        self.send_response(code)
        self.send_header('Content-Type', kind)
        self.send_header('Content-Length', str(len(content)))
        self.send_header('Cache-Control', 'no-store')
        self.end_headers()
        self.wfile.write(content)

    def _stream(self) -> None:
        self.send_response(200)
        self.send_header('Content-Type', f'multipart/x-mixed-replace; boundary={_BOUNDARY}')
        self.send_header('Cache-Control', 'no-store')
        self.end_headers()
        seen = 0
        try:
            while self.page.is_open:
                picture, seen = self.page.wait(seen, 1.0)
                if picture:
                    head = f'--{_BOUNDARY}\r\nContent-Type: image/jpeg\r\nContent-Length: {len(picture)}\r\n\r\n'
                    self.wfile.write(head.encode() + picture + b'\r\n')
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True  # the watcher has gone

    def log_message(self, *args: object) -> None:
        """Say nothing: standard error is for the person who started it."""
