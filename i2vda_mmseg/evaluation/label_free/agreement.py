"""Do label maps agree that should: of a mirrored frame, of a teacher, and of a mixture of two frames."""

from typing import NamedTuple, Self

import torch
from torch import Tensor

from i2vda_mmseg.ops import IGNORE_INDEX

MIX_WEIGHT = 0.55


def label_agreement(labels_a: Tensor, labels_b: Tensor) -> float:
    """Share of the pixels, in 0..1, at which two label maps name the same class; NaN where no pixel counts.

    Higher is better. It says that the two agree, not that they are right: a teacher that was copied a moment ago
    agrees with anything.

    Args:
        labels_a: (H, W) or (N, H, W), classes, 255 for none.
        labels_b: The same shape. Pixels at which either has no class do not count.

    Raises:
        ValueError: If the shapes differ.

    Example:
        >>> label_agreement(torch.tensor([[0, 1, 2, 255]]), torch.tensor([[0, 1, 1, 2]]))
        0.6666666666666666
    """
    if labels_a.shape != labels_b.shape or labels_a.ndim not in (2, 3):
        shapes = f'{tuple(labels_a.shape)} and {tuple(labels_b.shape)}'
        raise ValueError(f'two label maps (H, W) or (N, H, W) of one shape are expected, got {shapes}')
    counted = (labels_a != IGNORE_INDEX) & (labels_b != IGNORE_INDEX)
    return _share(int((counted & (labels_a == labels_b)).sum()), int(counted.sum()))


def flip_agreement(labels: Tensor, labels_of_mirrored: Tensor) -> float:
    """Share of the pixels, in 0..1, that keep their class when the frame is mirrored; NaN where no pixel counts.

    ``1/HW sum_{y,x} [labels(y, x) = labels_of_mirrored(y, W - 1 - x)]``. Higher is better: a street mirrored is a
    street. A network that predicts one class everywhere has 1.

    Args:
        labels: (H, W) or (N, H, W), classes, 255 for none.
        labels_of_mirrored: The same shape: what was predicted for the frame mirrored left to right, as it was
            predicted; it is mirrored back here.

    Raises:
        ValueError: If the shapes differ.

    Example:
        >>> flip_agreement(torch.tensor([[0, 1, 1]]), torch.tensor([[1, 1, 0]]))
        1.0
    """
    return label_agreement(labels, labels_of_mirrored.flip(-1))


def mix(frame_a: Tensor, frame_b: Tensor, weight: float = MIX_WEIGHT) -> Tensor:
    """Mix two frames for MixVal: ``weight * a + (1 - weight) * b``, in float32.

    Raises:
        ValueError: If the shapes differ, or ``weight`` is not in 0.5..1, both left out: a must dominate.

    Example:
        >>> mix(torch.tensor([100]), torch.tensor([200]))
        tensor([145.])
    """
    if frame_a.shape != frame_b.shape:
        raise ValueError(f'frames of one shape are mixed, got {tuple(frame_a.shape)} and {tuple(frame_b.shape)}')
    if not 0.5 < weight < 1:
        raise ValueError(f'weight must be between 0.5 and 1, so that the first frame dominates, got {weight}')
    return weight * frame_a.float() + (1 - weight) * frame_b.float()


class MixCounts(NamedTuple):
    """Pixels of mixed frames, and those of them whose class is the dominant frame's: MixVal.

    Hu et al., *Mixed Samples as Probes for Unsupervised Model Selection in Domain Adaptation*, NeurIPS 2023: two target
    samples are mixed with the weights 0.55 and 0.45, and the network's own classes of the two are the labels. There the
    samples are images, paired within a cluster for one probe and across for the other; here they are the pixels of two
    frames. Where both frames have the same class, the mixture should have it too (*intra*: is the neighbourhood
    dense?). Where they differ, it should have that of the dominant frame (*inter*: does the boundary lie between the
    clusters?). Higher is better for both.

    Example:
        >>> same, other = torch.tensor([[0, 1, 2, 2]]), torch.tensor([[0, 1, 0, 1]])
        >>> MixCounts.of(same, other, torch.tensor([[0, 0, 2, 1]])).shares()
        (0.5, 0.5)
    """

    intra_hits: int = 0  # pixels of ``intra`` whose mixture has the class of both
    intra: int = 0  # pixels at which both frames have the same class
    inter_hits: int = 0  # pixels of ``inter`` whose mixture has the class of the dominant frame
    inter: int = 0  # pixels at which the frames have different classes

    @classmethod
    def of(cls, dominant: Tensor, other: Tensor, mixed: Tensor) -> Self:
        """Count one mixture: classes (H, W) of the frame with the larger weight, of the other, and of both mixed."""
        if not dominant.shape == other.shape == mixed.shape:
            shapes = ', '.join(str(tuple(labels.shape)) for labels in (dominant, other, mixed))
            raise ValueError(f'label maps of a mixture and its two frames must have one shape, got {shapes}')
        same, hits = dominant == other, mixed == dominant
        counts = torch.stack([same & hits, same, ~same & hits, ~same]).flatten(1).sum(1)
        return cls(*map(int, counts))

    def plus(self, other: 'MixCounts') -> Self:
        """Sums of the two."""
        return type(self)(*(a + b for a, b in zip(self, other)))

    def shares(self) -> tuple[float, float]:
        """Shares of hits, intra and inter, in 0..1; NaN where there is no such pixel."""
        return _share(self.intra_hits, self.intra), _share(self.inter_hits, self.inter)


def _share(part: int, whole: int) -> float:
    return part / whole if whole else float('nan')
