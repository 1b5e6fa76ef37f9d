"""What temporal consistency counts: whole numbers, so that their sum does not depend on who counted what."""

from typing import NamedTuple, Self

import torch
from mmseg.evaluation import IoUMetric
from torch import Tensor

from i2vda_mmseg.ops import IGNORE_INDEX

_EPSILON = 1e-10


class ConsistencyCounts(NamedTuple):
    """Sums over all pairs of consecutive frames.

    Attributes:
        intersection: (C,), int64: pixels of a class in the prediction of frame t and in that of t + 1 warped to t.
        union: (C,), int64: pixels of a class in either.
        changed: Valid pixels whose class differs between the two.
        valid: Valid pixels.
        pairs: Pairs of frames.
        clips: Clips.
    """

    intersection: Tensor
    union: Tensor
    changed: int = 0
    valid: int = 0
    pairs: int = 0
    clips: int = 0

    @classmethod
    def zero(cls, num_classes: int) -> Self:
        """Counts of nothing."""
        return cls(torch.zeros(num_classes, dtype=torch.int64), torch.zeros(num_classes, dtype=torch.int64))

    @classmethod
    def of_pair(cls, labels: Tensor, warped: Tensor, valid: Tensor, num_classes: int) -> Self:
        """Count one pair.

        Args:
            labels: (H, W), uint8, prediction of frame t.
            warped: (H, W), uint8, that of t + 1 on the grid of t; 255 is not counted.
            valid: (H, W), bool, True = keep.
            num_classes: C.
        """
        target = torch.where(valid, warped, IGNORE_INDEX)
        intersection, union, _, _ = IoUMetric.intersect_and_union(labels, target, num_classes, IGNORE_INDEX)
        kept = target != IGNORE_INDEX
        changed, total = int((kept & (labels != target)).sum()), int(kept.sum())
        return cls(intersection.long(), union.long(), changed, total, pairs=1)

    @classmethod
    def from_vector(cls, vector: Tensor) -> Self:
        """Undo ``vector``."""
        classes = (len(vector) - 4) // 2
        return cls(vector[:classes], vector[classes:-4], *map(int, vector[-4:]))

    def vector(self) -> Tensor:
        """All counts in one int64 tensor, to be summed over ranks."""
        return torch.cat([self.intersection, self.union, torch.tensor(self[2:], dtype=torch.int64)])

    def plus(self, other: 'ConsistencyCounts') -> Self:
        """Sums of the two."""
        return self.from_vector(self.vector() + other.vector())

    def class_iou(self, absent: str = 'exclude') -> list[float]:
        """IoU by class in 0..1.

        Args:
            absent: 'zero': I / (U + 1e-10). 'exclude': I / U, NaN for a class with an empty union.
        """
        intersection, union = self.intersection.double(), self.union.double()
        return (intersection / (union + (_EPSILON if absent == 'zero' else 0))).tolist()

    def flicker(self) -> float:
        """Share of the valid pixels whose class changes, in 0..1; NaN if none is valid."""
        return self.changed / self.valid if self.valid else float('nan')
