"""Bringing the prediction of the next frame to this one."""

import torch
from torch import Tensor

from i2vda_mmseg.ops import consistency_mask, inside, warp


def warp_prediction(prediction: Tensor, flow: Tensor, warping: str) -> Tensor:
    """Resample what was predicted for frame b on the grid of frame a, as a label map.

    Convention:
        ``flow`` is ``flow_ab``: on frame a's grid, in pixels. Samples outside the frame take the border value.

    Args:
        prediction: (H, W), uint8 labels; with 'probs', (C, H, W) floating point, probabilities.
        flow: (2, H, W), floating point.
        warping: One of ``tc_switches.WARPINGS``.

    Returns:
        (H, W), uint8.
    """
    layers = prediction if prediction.ndim == 3 else prediction[None]
    if warping == 'probs':
        return warp(layers[None], flow[None])[0].argmax(0).to(torch.uint8)
    if warping == 'nearest':
        return warp(layers[None], flow[None], mode='nearest')[0, 0]
    # Blends of equal labels are exact in ops.warp, so that truncation does not turn a 7 that was 6.9999995 into a 6.
    return warp(layers[None].float(), flow[None])[0, 0].to(torch.uint8)


def valid_pixels(flow_ab: Tensor, flow_ba: Tensor, eta: float) -> Tensor:
    """Tell which pixels of frame a are seen in frame b: going there stays inside, and going back ends within ``eta``.

    Args:
        flow_ab: (2, H, W), pixels, on frame a's grid.
        flow_ba: (2, H, W), pixels, on frame b's grid.
        eta: Threshold in pixels.

    Returns:
        (H, W), bool, on frame a's grid. True = keep.
    """
    there, back = flow_ab[None], flow_ba[None]
    return (consistency_mask(there, back, eta, frame='0') & inside(there))[0]
