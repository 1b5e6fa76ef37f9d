import cv2
import numpy as np

from i2vda_mmseg.runtime.pictures import encode_jpeg, encode_png
from i2vda_mmseg.runtime.video_loop import bgr_palette, overlay

RNG = np.random.default_rng(0)


def test_colours_are_blended_as_opencv_blends_them():
    frame, palette = (RNG.integers(256, size=size, dtype=np.uint8) for size in ((31, 47, 3), (256, 3)))
    labels = RNG.integers(20, size=(31, 47), dtype=np.uint8)
    for opacity in (0.0, 0.25, 0.5, 1.0):
        expected = cv2.addWeighted(palette[labels], opacity, frame, 1 - opacity, 0).astype(int)
        assert np.abs(overlay(frame, labels, palette, opacity) - expected).max() <= 1  # where a half is rounded
    assert (overlay(frame, labels, palette, 0.0) == frame).all()
    assert (overlay(frame, labels, palette, 1.0) == palette[labels]).all()


def test_colours_of_classes_are_turned_round():
    assert bgr_palette([(1, 2, 3)])[:2].tolist() == [[3, 2, 1], [0, 0, 0]]


def test_pictures_in_memory():
    labels = RNG.integers(256, size=(33, 50), dtype=np.uint8)
    png = cv2.imdecode(np.frombuffer(encode_png(labels), np.uint8), cv2.IMREAD_UNCHANGED)
    assert png.dtype == np.uint8
    np.testing.assert_array_equal(png, labels)
    smooth = cv2.GaussianBlur(RNG.integers(256, size=(64, 96, 3), dtype=np.uint8), (0, 0), 9)
    jpeg = cv2.imdecode(np.frombuffer(encode_jpeg(smooth), np.uint8), cv2.IMREAD_COLOR)
    assert np.abs(jpeg.astype(int) - smooth).mean() < 3
