"""What a method sees and learns from, as captioned pictures."""

from typing import Any

import numpy as np
import torch
from torch import Tensor

from i2vda_mmseg.models.segmentors import DomainAdaptiveSegmentor
from i2vda_mmseg.ops import IGNORE_INDEX, normalized_entropy
from i2vda_mmseg.visualization import flow_to_rgb, label_to_rgb, mask_to_rgb

Cells = list[tuple[str, np.ndarray]]


@torch.no_grad()
def target_cells(model: Any, target: dict[str, Any], palette: list) -> tuple[Cells, list[str]]:
    """Run a method in eval mode on the first pair of a target batch.

    Args:
        model: A method.
        target: ``dict(frames=(N, T, 3, H, W) float32 RGB 0..255, data_samples)``, as its preprocessor makes it.
        palette: One RGB colour a class.

    Returns:
        Captions and pictures (H, W, 3), uint8, RGB; and the captions of those that are labels or masks. With a
        ``temporal``, as I2VDA has: frames, I_t, flow, mask, pseudo-label and prediction; else: frames, prediction and
        its entropy.
    """
    if model.temporal is not None:
        return _clip_cells(model, target, palette)
    frames = target['frames'][:1]
    images = frames[:, -1]
    if model.fuses_frames:
        images = model.two_frame_input(frames, target['data_samples'][:1])
        logits = model.level_logits(images)['main']
    else:
        logits = model.logits(model.data_preprocessor.normalize(images))
    entropy = normalized_entropy(logits)[0].mul(255).byte().cpu().numpy()
    shown = _frames(frames[:, 0], frames[:, -1])[-frames.shape[1] :]  # a method of single frames may have read one
    smooth = [*shown, ('Entropy E of the prediction', np.dstack([entropy] * 3))]
    sharp = [_prediction(logits, palette)]
    return smooth + sharp, [caption for caption, _ in sharp]


def _clip_cells(model: DomainAdaptiveSegmentor, target: dict[str, Any], palette: list) -> tuple[Cells, list[str]]:
    clip = model.target_clip(dict(frames=target['frames'][:1], data_samples=target['data_samples'][:1]))
    logits = model.logits(model.data_preprocessor.normalize(clip.frame_1))
    flow = clip.flow_10[0].permute(1, 2, 0).cpu().numpy()
    # The longest vectors are outliers of the estimator, and would leave all others pale.
    longest = max(1.0, float(np.percentile(np.hypot(flow[..., 0], flow[..., 1]), 99)))
    middle = (
        'I_{0} again (no augmentation)'
        if model.temporal.temporal_augmentation is None
        else f'Synthesised I_{{t}} (t = {float(clip.t):.2g})'
    )
    smooth = [
        *_frames(clip.frame_0, clip.frame_1),
        (middle, to_picture(clip.frame_t)),
        (f'Flow F_{{10}} (full colour from {longest:.1f} px)', flow_to_rgb(flow, longest)),
    ]
    sharp = []
    if model.temporal.pseudo_label_head is not None:
        valid = model.temporal.pseudo_label_head.validity(clip.flow_01, clip.flow_10)[0].cpu().numpy()
        pseudo_label = model.pseudo_label(clip)[0].cpu().numpy()
        sharp.append((f'Validity mask O ({valid.mean():.0%} kept)', mask_to_rgb(valid)))
        kept = (pseudo_label != IGNORE_INDEX).mean()
        sharp.append((f'Pseudo-label PL ({kept:.0%} kept)', label_to_rgb(pseudo_label, palette)))
    sharp.append(_prediction(logits, palette))
    return smooth + sharp, [caption for caption, _ in sharp]


def to_picture(frame: Tensor) -> np.ndarray:
    """Turn a frame (1, 3, H, W), RGB 0..255, into (H, W, 3), uint8."""
    return frame[0].round().clamp(0, 255).byte().permute(1, 2, 0).cpu().numpy()


def _frames(frame_0: Tensor, frame_1: Tensor) -> Cells:
    return [('Frame I_{0}', to_picture(frame_0)), ('Frame I_{1}', to_picture(frame_1))]


def _prediction(logits: Tensor, palette: list) -> tuple[str, np.ndarray]:
    return 'Prediction of M for I_{1}', label_to_rgb(logits.argmax(dim=1)[0].cpu().numpy(), palette)
