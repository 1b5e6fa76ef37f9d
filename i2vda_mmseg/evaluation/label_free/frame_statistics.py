"""What is kept of the predictions of one frame: a few numbers, whatever the frame's size."""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache, reduce
from typing import Self

import torch
from torch import Tensor

from .criteria import PredictionSums, as_rows, sampled_positions, soft_neighborhood_density

SAMPLED = 4096  # pixels of a frame
NEIGHBOURS = 4096  # predictions that SND compares, of all frames together


class NonFiniteLogitsError(ValueError):
    """A network has predicted NaN or infinity."""


@dataclass(frozen=True)  # mmengine takes tuples apart when it gathers results
class FrameStatistics:
    """A frame's part of the criteria that look at probabilities."""

    sums: PredictionSums  # over a sample of the frame's pixels
    rows: Tensor  # (S, C), probabilities of fewer of them, for soft neighbourhood density
    histogram: Tensor  # (C,), int64: pixels predicted of each class
    checksum: int  # of the label map

    @classmethod
    def of(cls, logits: Tensor, labels: Tensor, key: str, neighbours: int) -> Self:
        """Look at logits (C, H, W) and labels (H, W) in pixels that follow from size and ``key``, the frame's name.

        They are the same for every network; ``neighbours`` rows are kept for soft neighbourhood density.
        NonFiniteLogitsError, if the logits are not finite.
        """
        if not bool(torch.stack(logits.aminmax()).isfinite().all()):
            raise NonFiniteLogitsError(f'the logits of {key} are not finite')
        classes, (height, width) = len(logits), labels.shape
        positions = _positions(height * width, zlib.crc32(key.encode())).to(logits.device)
        probs = as_rows(logits.flatten(1)[:, positions].T.float().softmax(1))
        few = sampled_positions(len(probs), neighbours, zlib.crc32(key.encode())).to(probs.device)
        flat = labels.flatten().to(torch.uint8).cpu()
        histogram = torch.bincount(flat.long(), minlength=256)[:classes]
        return cls(PredictionSums.of(probs), probs[few].cpu(), histogram, zlib.crc32(flat.numpy().tobytes()))


def summary(frames: Sequence[FrameStatistics]) -> dict[str, float]:
    """Compute the criteria of probabilities over one frame or more: SND and those of ``PredictionSums``."""
    if not frames:
        raise ValueError('there is no frame to compute criteria of')
    rows = torch.cat([frame.rows for frame in frames])
    sums = reduce(PredictionSums.plus, (frame.sums for frame in frames))
    return dict(soft_neighborhood_density=soft_neighborhood_density(rows, max_rows=NEIGHBOURS), **sums.criteria())


def is_constant(frames: Sequence[FrameStatistics]) -> bool:
    """Whether all frames got the same label map; of one frame, there is no telling."""
    return len(frames) > 1 and len({frame.checksum for frame in frames}) == 1


@lru_cache(maxsize=512)
def _positions(pixels: int, seed: int) -> Tensor:
    """Draw without a permutation of all pixels, which would be larger than what it is drawn for."""
    if pixels <= SAMPLED:
        return torch.arange(pixels)
    stretch = pixels / SAMPLED  # one of each of these: spread over the frame, each pixel as likely as another
    offsets = torch.rand(SAMPLED, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return ((torch.arange(SAMPLED) + offsets) * stretch).long().clamp(max=pixels - 1)
