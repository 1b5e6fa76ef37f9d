"""Pictures in memory as files, by the encoders of PyAV."""

from fractions import Fraction
from typing import Any

import av
import numpy as np


def encode_png(labels: np.ndarray) -> bytes:
    """Encode class indices (H, W), uint8, as a grey PNG."""
    return _encode('png', 'gray', av.VideoFrame.from_ndarray(np.ascontiguousarray(labels), 'gray'), {})


def encode_jpeg(image: np.ndarray, quality: int = 5) -> bytes:
    """Encode (H, W, 3), uint8, BGR, as a JPEG.

    Args:
        image: The picture.
        quality: 2 (best) to 31, FFmpeg's scale.
    """
    scale = dict(qmin=str(quality), qmax=str(quality))
    return _encode('mjpeg', 'yuvj420p', av.VideoFrame.from_ndarray(np.ascontiguousarray(image), 'bgr24'), scale)


def _encode(codec: str, pixels: str, frame: av.VideoFrame, options: dict[str, str]) -> bytes:
    context: Any = av.CodecContext.create(codec, 'w')
    context.width, context.height, context.pix_fmt = frame.width, frame.height, pixels
    context.time_base, context.options = Fraction(1, 25), options
    packets = [*context.encode(frame.reformat(format=pixels)), *context.encode(None)]
    return b''.join(bytes(packet) for packet in packets)
