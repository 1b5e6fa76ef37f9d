import base64
import runpy
from importlib.resources import files
from io import BytesIO

import numpy as np
import setuptools
from PIL import Image

from i2vda_mmseg.reporting.pictures import encode_labels, encode_photo, shrink


def decoded(uri):
    kind, _, content = uri.partition(';base64,')
    return kind, np.asarray(Image.open(BytesIO(base64.b64decode(content))).convert('RGB'))


def test_labels_keep_every_pixel_in_its_colour():
    labels = np.array([[0, 1, 2], [255, 1, 0]], np.uint8)
    palette = [(128, 64, 128), (70, 130, 180), (1, 2, 3)]
    kind, image = decoded(encode_labels(labels, palette))
    assert kind == 'data:image/png'
    assert image.tolist() == [
        [[128, 64, 128], [70, 130, 180], [1, 2, 3]],
        [[0, 0, 0], [70, 130, 180], [128, 64, 128]],
    ]


def test_photos_keep_their_channels():
    image = np.zeros((16, 24, 3), np.uint8)
    image[...] = (200, 100, 30)
    kind, found = decoded(encode_photo(image))
    assert kind == 'data:image/jpeg'
    assert np.abs(found.astype(int) - image).max() <= 4


def test_labels_are_made_smaller_without_new_classes():
    labels = np.zeros((40, 100), np.uint8)
    labels[:, 50:] = 9
    small = shrink(labels, 30, sharp=True)
    assert small.shape == (12, 30)
    assert set(np.unique(small)) == {0, 9}
    assert shrink(labels, 100) is labels


def test_an_installation_carries_the_templates(monkeypatch, request):
    settings = {}
    monkeypatch.setattr(setuptools, 'setup', settings.update)
    monkeypatch.chdir(request.config.rootpath)
    runpy.run_path('setup.py')
    package = 'i2vda_mmseg.reporting'
    assert package in settings['packages']
    root = files(package)
    carried = {path for pattern in settings['package_data'][package] for path in root.glob(pattern)}
    assert carried == {path for path in root.rglob('*') if path.suffix in ('.html', '.css', '.js')}
    assert len(carried) == 14
