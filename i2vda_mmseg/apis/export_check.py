"""Does an export compute what its network computes?"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import cv2
import numpy as np
import torch
from torch import Tensor

from i2vda_mmseg.engine.frame_network import FrameNetwork
from i2vda_mmseg.runtime import ExportedNetwork

BATCHES = (1, 2)
TOLERANCE = 1e-4  # of an export's scores, as a share of the largest score's size; float32 leaves about 1e-6
AGREEMENT = {'fp32': 1.0, 'fp16': 0.99, 'int8': 0.9}  # least share of equal labels where the scores differ by precision


class Comparison(NamedTuple):
    """An export beside its network in PyTorch, on one batch of frames."""

    width: int
    height: int
    batch: int  # number of frames
    difference: float  # the largest, of logits or probabilities; of labels alone, nan
    scale: float  # the largest size of a score in PyTorch
    decided: float  # share of the pixels whose best two classes are farther apart than differences can reverse
    agreement: float  # share of these with equal labels
    equal: float  # share of all pixels with equal labels


class Batch(NamedTuple):
    """Frames and what the network makes of them in PyTorch."""

    frames: Tensor  # (N, 3, H, W), of the input's type
    logits: np.ndarray  # (N, C, H, W), float32


def reference_batches(network: FrameNetwork, images: Sequence[np.ndarray], size: tuple[int, int]) -> list[Batch]:
    """Run the network on frames of two sizes in batches of one and two.

    Args:
        network: Gives 'logits' alone.
        images: Frames (H, W, 3), uint8, BGR, at least one.
        size: (width, height) of the first size; the second is about three quarters of it, with odd sides where the
            network takes such.

    Raises:
        ValueError: If the network does not take frames of that size.
    """
    if why := _refuses(network, images, size):
        raise ValueError(f'the network does not take frames of {size[0]}x{size[1]}, at which the config tests: {why}')
    smaller = [(side * 3 // 4) | 1 for side in size]
    rounded = [max(32, side // 32 * 32) for side in smaller]
    second = rounded if _refuses(network, images, smaller) else smaller
    batches = []
    for width, height in (size, tuple(second)):
        for count in BATCHES:
            frames = stack(images, (width, height), count)
            with torch.no_grad():
                batches.append(Batch(frames, network(frames)[0].numpy()))
    return batches


def compare(export: ExportedNetwork, batches: Sequence[Batch]) -> Iterator[Comparison]:
    """Compare an export with its network, batch by batch, and refuse it where they differ.

    Labels are compared where the network's best two classes are farther apart than twice the largest difference of
    scores, which cannot reverse them: elsewhere equality would ask for more than floating point gives.

    Raises:
        ValueError: If they differ by more than ``TOLERANCE`` allows (fp32), or fewer labels agree than ``AGREEMENT``.
    """
    card = export.card
    for frames, logits in batches:
        outputs = _run(export, frames.numpy())
        comparison = _compare(outputs, logits)
        allowed = TOLERANCE * (max(1.0, comparison.scale) if 'logits' in outputs else 1.0)
        share = comparison.agreement if card.precision == 'fp32' else comparison.equal
        if (card.precision == 'fp32' and comparison.difference > allowed) or share < AGREEMENT[card.precision]:
            raise ValueError(
                f'{export.path.name} does not compute in {export.runtime} what its network computes in PyTorch: on '
                f'{comparison.batch} frames of {comparison.width}x{comparison.height} its scores differ by '
                f'{comparison.difference:.2g} (allowed: {allowed:.2g}), and {100 * share:.2f} % of the labels agree '
                f'(least: {100 * AGREEMENT[card.precision]:.0f} %). Nothing was written'
            )
        yield comparison


def stack(images: Sequence[np.ndarray], size: Sequence[int], count: int) -> Tensor:
    """Make a batch (N, 3, H, W), uint8, RGB, of frames (H, W, 3), BGR, resized to (width, height); few are repeated."""
    resized = [cv2.resize(images[i % len(images)], tuple(size), interpolation=cv2.INTER_AREA) for i in range(count)]
    return torch.from_numpy(np.stack([np.ascontiguousarray(frame[..., ::-1].transpose(2, 0, 1)) for frame in resized]))


def _run(export: ExportedNetwork, frames: np.ndarray) -> dict[str, np.ndarray]:
    try:
        return export(frames)
    except ValueError as error:
        count, _, height, width = frames.shape
        said = str(error).partition(f'{export.runtime}: ')[2]
        raise ValueError(
            f'{export.path.name} does not run in {export.runtime} on a batch of {count} of {width}x{height}, which the '
            f'network takes in PyTorch: its code makes a tensor of one size when it is traced ({said}). Nothing was '
            'written'
        ) from error


def _refuses(network: FrameNetwork, images: Sequence[np.ndarray], size: Sequence[int]) -> str:
    """Say why the network does not take frames of a size; '' if it does."""
    try:
        with torch.no_grad():
            network(stack(images, size, 1))
    except Exception as error:  # whatever a network has against sides that it does not divide
        return f'{error}' or type(error).__name__
    return ''


def _compare(outputs: dict[str, np.ndarray], logits: np.ndarray) -> Comparison:
    ordered = np.sort(logits, axis=1) if logits.shape[1] > 1 else np.concatenate([logits - np.inf, logits], axis=1)
    margin, expected = ordered[:, -1] - ordered[:, -2], logits.argmax(axis=1)
    differences = [float('nan')]
    if 'logits' in outputs:
        differences.append(float(np.abs(outputs['logits'] - logits).max()))
    if 'probs' in outputs:
        probs = torch.from_numpy(logits).softmax(dim=1).numpy()
        differences.append(float(np.abs(outputs['probs'] - probs).max()))
    difference = float(np.nanmax(differences)) if len(differences) > 1 else differences[0]
    scale = float(np.abs(logits).max())
    # Where labels alone are given, or probabilities, how far logits are off is not known: what is allowed is taken.
    reach = difference if 'logits' in outputs else TOLERANCE * max(1.0, scale)
    scores = outputs.get('logits', outputs.get('probs'))
    labels = outputs['labels'] if scores is None else scores.argmax(axis=1)
    agrees, is_decided = labels == expected, margin > 2 * reach
    if 'labels' in outputs:
        agrees &= outputs['labels'] == expected
    agreement = float(agrees[is_decided].mean()) if is_decided.any() else 1.0
    batch, _, height, width = logits.shape
    return Comparison(
        width, height, batch, difference, scale, float(is_decided.mean()), agreement, float(agrees.mean())
    )
