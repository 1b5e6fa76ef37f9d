import urllib.error
import urllib.request
from threading import Thread

import cv2
import numpy as np
import pytest

from i2vda_mmseg.runtime.operator_page import OperatorPage


def get(address):
    with urllib.request.urlopen(address, timeout=120) as answer:
        return answer.headers, answer.read()


def read_part(answer):
    """Read one picture of a stream of them."""
    assert answer.readline().strip() == b'--frame'
    head = [answer.readline() for _ in range(3)]
    (length,) = (int(line.split(b':')[1]) for line in head if line.lower().startswith(b'content-length'))
    picture = answer.read(length)
    assert answer.readline() == b'\r\n'
    return int(cv2.imdecode(np.frombuffer(picture, np.uint8), cv2.IMREAD_COLOR)[0, 0, 0])


def test_watchers_see_the_latest_picture():
    with OperatorPage(0) as page:
        headers, content = get(page.address)
        assert b'stream.mjpeg' in content
        assert headers['Content-Type'].startswith('text/html')
        page.show(np.full((32, 48, 3), 50, np.uint8))
        page.show(np.full((32, 48, 3), 100, np.uint8))
        with urllib.request.urlopen(f'{page.address}stream.mjpeg', timeout=120) as answer:
            assert abs(read_part(answer) - 100) < 3
            page.show(np.full((32, 48, 3), 200, np.uint8))
            assert abs(read_part(answer) - 200) < 3
        assert cv2.imdecode(np.frombuffer(get(f'{page.address}latest.jpg')[1], np.uint8), 1).shape == (32, 48, 3)
        with pytest.raises(urllib.error.HTTPError, match='404'):
            get(f'{page.address}etc/passwd')
        with pytest.raises(OSError, match='cannot be served on port'):
            OperatorPage(int(page.address.rstrip('/').rsplit(':', 1)[1]))
    with pytest.raises(OSError, match='refused'):
        get(page.address)


def test_a_stream_ends_with_the_page():
    ended = []
    with OperatorPage(0) as page:
        page.show(np.zeros((32, 48, 3), np.uint8))
        watcher = Thread(target=lambda: ended.append(get(f'{page.address}stream.mjpeg')))
        watcher.start()
        get(f'{page.address}latest.jpg')
    watcher.join(10)
    assert ended
