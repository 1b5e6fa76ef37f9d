import cv2
import numpy as np
import pytest
import torch
from mmseg.registry import MODELS

from i2vda_mmseg.flow import DISFlow
from i2vda_mmseg.ops import warp


def texture(seed, height, width):
    """A periodic pattern of blobs of several sizes, RGB 0..255, (1, 3, H, W)."""
    noise = np.random.default_rng(seed).standard_normal((height, width, 3)).astype(np.float32)
    tiled = np.tile(noise, (3, 3, 1))
    blobs = sum(cv2.GaussianBlur(tiled, (0, 0), sigma) * sigma for sigma in (1.5, 4))
    blobs = blobs[height : 2 * height, width : 2 * width]
    image = 127.5 + 90 * blobs / np.abs(blobs).max() * 1.4
    return torch.from_numpy(image.clip(0, 255)).permute(2, 0, 1)[None].contiguous()


def shifted(frame, u, v):
    """Move the content by (u, v) pixels, fractions included, around the edges."""
    height, width = frame.shape[-2:]
    phase = -2j * np.pi * (u * np.fft.fftfreq(width) + v * np.fft.fftfreq(height)[:, None])
    moved = np.fft.ifft2(np.fft.fft2(frame.numpy()) * np.exp(phase)).real
    return torch.from_numpy(moved.astype(np.float32))


@pytest.mark.parametrize(('u', 'v'), [(3, 0), (-3, 0), (0, 2), (0, -2), (4, -3), (-5, 6), (1.5, -0.5), (0, 0)])
def test_recovers_a_translation(u, v):
    frame_a = texture(0, 96, 128)
    frame_b = shifted(frame_a, u, v)
    expected = torch.tensor([u, v], dtype=torch.float32).view(1, 2, 1, 1).expand(1, 2, 96, 128)
    interior = (..., slice(16, -16), slice(16, -16))
    estimator = DISFlow()
    forward, backward = estimator(frame_a, frame_b), estimator(frame_b, frame_a)
    assert (forward - expected)[interior].abs().max() < 0.2
    assert (backward + expected)[interior].abs().max() < 0.2
    # flow_ab brings b's content onto a's grid
    assert (warp(frame_b, forward) - frame_a)[interior].abs().mean() < 2


@pytest.mark.parametrize('size', [(1, 1), (5, 7), (31, 33), (33, 47), (200, 20)])
def test_any_size(size):
    frame = texture(1, *size)
    flow = DISFlow()(frame, frame)
    assert flow.shape == (1, 2, *size)
    assert flow.dtype == torch.float32
    assert flow.abs().max() < 0.05


def test_small_frames_move_too():
    frame = texture(2, 24, 40)
    flow = DISFlow()(frame, shifted(frame, 2, -1))[0, :, 6:-6, 8:-8]
    assert flow.flatten(1).median(1).values.tolist() == pytest.approx([2, -1], abs=0.2)


def test_history_free():
    frames = [texture(seed, 40, 56) for seed in range(4)]
    estimator = DISFlow()
    first = estimator(frames[0], frames[1])
    estimator(frames[2], frames[3])
    assert torch.equal(estimator(frames[0], frames[1]), first)
    assert torch.equal(DISFlow()(frames[0], frames[1]), first)


def test_batch_equals_singles():
    frames_a = torch.cat([texture(seed, 40, 56) for seed in range(3)])
    frames_b = torch.cat([shifted(frame[None], seed, 1) for seed, frame in enumerate(frames_a)])
    estimator = DISFlow()
    singles = torch.cat([estimator(a[None], b[None]) for a, b in zip(frames_a, frames_b)])
    assert torch.equal(estimator(frames_a, frames_b), singles)


def test_dtype_and_range_of_frames():
    frame_a = texture(3, 40, 56).round()
    frame_b = shifted(frame_a, 2, 1).round().clamp(0, 255)
    estimator = DISFlow()
    expected = estimator(frame_a, frame_b)
    assert torch.equal(estimator(frame_a.byte(), frame_b.byte()), expected)
    assert torch.equal(estimator(frame_a - 0.3, frame_b + 0.3), expected)  # rounded, not cut off
    # interpolated frames may leave the range by rounding: they must not wrap around
    white = torch.full((1, 3, 40, 56), 255.0)
    assert torch.equal(estimator(white + 0.7, white), estimator(white, white))


def test_colours_are_rgb():
    """Grey is 0.299 R + 0.587 G + 0.114 B: a pattern in red weighs more than one in blue."""
    pattern = texture(4, 48, 64)[:, :1]
    moved = shifted(pattern, 3, 0).clamp(0, 255)
    still = texture(5, 48, 64)[:, :1] * 0.4
    red_moves = torch.cat((pattern, still, still), 1), torch.cat((moved, still, still), 1)
    blue_moves = tuple(frame.flip(1) for frame in red_moves)
    red, blue = (DISFlow()(*frames)[0, 0, 12:-12, 12:-12].mean() for frames in (red_moves, blue_moves))
    assert red > blue + 0.5


def test_registered_with_presets():
    assert MODELS.build(dict(type='DISFlow', preset='fast')).preset == 'fast'
    frame = texture(6, 64, 96)
    flows = [DISFlow(preset)(frame, shifted(frame, 3, 1)) for preset in ('ultrafast', 'fast', 'medium')]
    assert not torch.equal(flows[0], flows[2])
    with pytest.raises(ValueError, match=r"\['fast', 'medium', 'ultrafast'\], got 'best'"):
        DISFlow('best')
