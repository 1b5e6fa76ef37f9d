"""How the predictions of two consecutive frames are compared: the switches, the warping, and what is counted."""

import math
from numbers import Real
from typing import NamedTuple, Self

import torch
from mmseg.evaluation import IoUMetric
from torch import Tensor

from i2vda_mmseg.ops import IGNORE_INDEX, consistency_mask, inside, warp
from i2vda_mmseg.ops.warp import sample_positions

FLOW_INPUTS = ('rgb255', 'imagenet')
WARPINGS = ('nearest', 'probs', 'bilinear-labels', 'bilinear-labels-float32')
MASKS = ('consistency', 'none')
ABSENT = ('exclude', 'zero')


class Switches(NamedTuple):
    """The choices that make two numbers of the same name differ.

    Attributes:
        flow_input: What the flow estimator sees. 'rgb255': frames in 0..255, as it expects them. 'imagenet': frames
            less ImageNet's mean over its standard deviation, although the estimator expects 0..255.
        warping: 'nearest': the label of the nearest pixel. 'probs': class probabilities, bilinearly, then argmax.
            'bilinear-labels': the label ids themselves, bilinearly, truncated to 8 bits; between the classes 2 and 9 it
            finds classes that nobody predicted. 'bilinear-labels-float32': the same with the rounding of the released
            metric, which takes about one pixel in a hundred of a class for the class before it.
        mask: 'consistency': only pixels whose flow leads into the frame and back to within ``eta`` pixels (Eq. 7).
            'none': all pixels; samples outside the frame take the border value.
        absent: A class that neither side of any pair holds. 'exclude': it leaves the mean. 'zero': it counts as 0, and
            IoU is I / (U + 1e-10).
        eta: Threshold of the mask in pixels of the prediction, to whose size flow is brought before it is tested: the
            same distance on the image whatever size flow is estimated at.
    """

    flow_input: str
    warping: str
    mask: str
    absent: str
    eta: float = 1.0


TC_PRESETS = {
    # Liu et al., Efficient Semantic Video Segmentation with Per-frame Inference, ECCV 2020, as released
    'etc': Switches(flow_input='imagenet', warping='bilinear-labels-float32', mask='none', absent='zero'),
    'clean': Switches(flow_input='rgb255', warping='nearest', mask='consistency', absent='exclude'),
}
_ALLOWED = dict(flow_input=FLOW_INPUTS, warping=WARPINGS, mask=MASKS, absent=ABSENT)
_EPSILON = 1e-10


def choose_switches(preset: str, **overrides: str | float | None) -> Switches:
    """Take a preset and change some of its switches; None changes nothing.

    Raises:
        ValueError: If the preset or the value of a switch is unknown, or ``eta`` is not positive and finite.

    Example:
        >>> choose_switches('clean', mask='none', warping=None)
        Switches(flow_input='rgb255', warping='nearest', mask='none', absent='exclude', eta=1.0)
    """
    if preset not in TC_PRESETS:
        raise ValueError(f'preset must be one of {sorted(TC_PRESETS)}, got {preset!r}')
    changes = {name: value for name, value in overrides.items() if value is not None}
    switches = TC_PRESETS[preset]._replace(**changes)  # type: ignore[arg-type]
    for name, allowed in _ALLOWED.items():
        if getattr(switches, name) not in allowed:
            raise ValueError(f'{name} must be one of {allowed}, got {getattr(switches, name)!r}')
    if not isinstance(switches.eta, Real) or not 0 < switches.eta < math.inf:
        raise ValueError(f"eta, in pixels, must be positive and finite, got {switches.eta!r}; mask='none' takes all")
    return switches._replace(eta=float(switches.eta))


def warp_prediction(prediction: Tensor, flow: Tensor, warping: str) -> Tensor:
    """Resample what was predicted for frame b on the grid of frame a, as a label map: (H, W), uint8.

    Convention:
        ``flow`` is ``flow_ab``: on frame a's grid, in pixels. Samples outside the frame take the border value.

    Args:
        prediction: (H, W), uint8 labels; with 'probs', (C, H, W) floating point, probabilities.
        flow: (2, H, W), floating point.
        warping: One of ``WARPINGS``.
    """
    layers = prediction if prediction.ndim == 3 else prediction[None]
    if warping == 'probs':
        return warp(layers[None], flow[None])[0].argmax(0).to(torch.uint8)
    if warping == 'nearest':
        return warp(layers[None], flow[None], mode='nearest')[0, 0]
    if warping == 'bilinear-labels-float32':
        return _resample_float32(prediction, flow.float())
    # Blends of equal labels are exact in ops.warp, so that truncation does not turn a 7 that was 6.9999995 into a 6.
    return warp(layers[None].float(), flow[None])[0, 0].to(torch.uint8)


def _resample_float32(labels: Tensor, flow: Tensor) -> Tensor:
    """Resample ids (H, W) as FlowNet2's CUDA kernel does: (H, W), uint8.

    Positions and their fractions are in single precision; each product of weights and id is in double precision, then
    rounded; the sum is in single precision, so that 7, 7, 7 and 7 may give 6.9999995, which the byte cuts to 6. The
    kernel makes the last product in single precision, and how its compiler fuses that with the sum is not known.
    """
    x, y = (position[0] for position in sample_positions(flow[None]))
    left, top = x.floor(), y.floor()
    share_x, share_y = (x - left).double(), (y - top).double()
    height, width = labels.shape
    total = torch.zeros((), device=labels.device)
    for row, weight_y in ((top, 1 - share_y), (top + 1, share_y)):
        for column, weight_x in ((left, 1 - share_x), (left + 1, share_x)):
            neighbour = labels[row.clamp(0, height - 1).long(), column.clamp(0, width - 1).long()]
            total = total + (weight_x * weight_y * neighbour.double()).float()
    return total.to(torch.uint8)


def valid_pixels(flow_ab: Tensor, flow_ba: Tensor, eta: float) -> Tensor:
    """Tell which pixels of frame a are seen in frame b: going there stays inside, and going back ends within ``eta``.

    Flows are (2, H, W), in pixels as ``eta``; the mask is (H, W), bool, on frame a's grid, True = keep.
    """
    there, back = flow_ab[None], flow_ba[None]
    return (consistency_mask(there, back, eta, frame='0') & inside(there))[0]


class ConsistencyCounts(NamedTuple):
    """Sums over all pairs of consecutive frames."""

    intersection: Tensor  # (C,), int64: pixels of a class in the prediction of frame t and in that of t + 1 warped to t
    union: Tensor  # (C,), int64: pixels of a class in either
    changed: int = 0  # valid pixels whose class differs between the two
    valid: int = 0  # valid pixels
    pairs: int = 0  # pairs of frames
    clips: int = 0  # clips

    @classmethod
    def zero(cls, num_classes: int) -> Self:
        """Counts of nothing."""
        return cls(torch.zeros(num_classes, dtype=torch.int64), torch.zeros(num_classes, dtype=torch.int64))

    @classmethod
    def of_pair(cls, labels: Tensor, warped: Tensor, valid: Tensor, num_classes: int) -> Self:
        """Count one pair: the uint8 labels (H, W) of frame t, and those of t + 1 on its grid, where 255 is left out."""
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
