"""What is wrong with given flow: which change of it explains the frames best."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from i2vda_mmseg.ops import inside, warp

_GREY = (0.299, 0.587, 0.114)
_TEXTURE = 2.0  # grey levels a pixel; flatter places look the same wherever the flow points
_ENOUGH = 100  # textured pixels
_STILL = 0.1  # pixels of motion; noise alone can look like that
_LARGEST = 60.0  # grey levels; occlusions and reflections count no more than this
_MARGIN = 0.05  # a change must lower the error by this share to be preferred
_NOISE = 0.03  # and by this share of what motion makes of the difference between the frames

_DOWN = torch.tensor([1.0, -1.0]).view(1, 2, 1, 1)
# Several variants of one explanation share its name before the colon.
_VARIANTS: dict[str, Callable[[Tensor], Tensor]] = {
    'as given': lambda flow: flow,
    'no flow': torch.zeros_like,
    'reversed:negated': torch.neg,
    'axes swapped': lambda flow: flow.flip(1),
    'twice as long': lambda flow: 2 * flow,
    'half as long': lambda flow: flow / 2,
    'upside down:rows': lambda flow: flow.flip(2),
    'upside down:v': lambda flow: flow * _DOWN.to(flow),
    'upside down:rows and v': lambda flow: flow.flip(2) * _DOWN.to(flow),
}
_OTHER_DIRECTION = 'reversed:other direction'
EXPLANATIONS = tuple(dict.fromkeys(name.partition(':')[0] for name in _VARIANTS))
_SENTENCES = {
    'as given': 'fits best as it is',
    'no flow': 'explains the frames no better than no flow at all, and no change that was tried mends it',
    'reversed': 'is reversed: it fits best when the direction is turned round',
    'axes swapped': 'has its axes swapped: it fits best when x and y change places',
    'twice as long': 'is too short by a factor of 2: it fits best when its vectors are made twice as long',
    'half as long': 'is too long by a factor of 2: it fits best when its vectors are halved',
    'upside down': 'is upside down: it fits best when {variant}',
}
_UPSIDE_DOWN = {
    'rows': 'its rows are turned over',
    'v': 'its y component changes sign',
    'rows and v': 'its rows are turned over and its y component changes sign',
}


@dataclass(frozen=True)
class Verdict:
    """What the frames say about the flow of one direction."""

    best: str | None  # the explanation in ``EXPLANATIONS`` that fits best, or None: it cannot be told
    # photometric error of each explanation in grey levels, the better variant of each; empty if no pixel was of
    # use
    errors: dict[str, float]
    sentence: str  # the finding, without a subject: 'is reversed: ...'


class Diagnosis:
    """Compares given flow with what it could have been, over all pairs of frames that are added.

    Each explanation is a change of the given flow, such as swapping its axes. It is scored by the photometric error
    of ``warp(frame_b, changed flow)`` against ``frame_a``: the mean absolute difference of the luminance, which is
    blurred a little beforehand and whose median difference is taken off (the brightness may change). A pixel counts
    at most 60 grey levels, and only textured pixels of ``frame_a`` count. Where a flow leaves the frame or is not
    finite, it explains nothing: the pixel counts as it does without flow, so that all explanations are judged on the
    same pixels.

    The given flow is preferred unless a change lowers the error by more than 5 %, and has itself to be better by as
    much than no flow. Without texture or without motion, it cannot be told (unless flow was given that does harm).

    Example:
        >>> frame_0 = 255 * torch.rand(1, 3, 32, 48)
        >>> right = torch.tensor([2.0, 0.0]).view(1, 2, 1, 1).expand(1, 2, 32, 48)
        >>> diagnosis = Diagnosis()
        >>> diagnosis.add(frame_0, frame_0.roll(2, dims=3), flow_01=-right)
        >>> diagnosis.verdicts()['F_01'].best
        'reversed'
    """

    def __init__(self) -> None:
        self._tallies: dict[str, _Tally] = {}

    def add(
        self, frame_0: Tensor, frame_1: Tensor, flow_01: Tensor | None = None, flow_10: Tensor | None = None
    ) -> None:
        """Add a pair of frames with its flow in one direction or both.

        Args:
            frame_0: (N, 3, H, W), RGB in 0..255, any dtype.
            frame_1: (N, 3, H, W).
            flow_01: (N, 2, H, W), pixels, on frame 0's grid, or None.
            flow_10: (N, 2, H, W), pixels, on frame 1's grid, or None.

        Raises:
            ValueError: If no flow is given or shapes do not fit.
        """
        if flow_01 is None and flow_10 is None:
            raise ValueError('give the flow of at least one direction')
        grey_0, grey_1 = _luminance(frame_0), _luminance(frame_1)
        if flow_01 is not None:
            self._tallies.setdefault('F_01', _Tally()).add(grey_0, grey_1, flow_01, flow_10)
        if flow_10 is not None:
            self._tallies.setdefault('F_10', _Tally()).add(grey_1, grey_0, flow_10, flow_01)

    def verdicts(self) -> dict[str, Verdict]:
        """Judge each direction that was added: 'F_01', 'F_10' or both."""
        return {direction: tally.verdict() for direction, tally in self._tallies.items()}

    def sentence(self) -> str:
        """Say the finding in one sentence, for both directions together where they agree."""
        findings = {direction: verdict.sentence for direction, verdict in self.verdicts().items()}
        if len(set(findings.values())) == 1:
            return f'The flow {next(iter(findings.values()))}.'
        return ', but '.join(f'{direction} {finding}' for direction, finding in findings.items()) + '.'


class _Tally:
    """Sums of one direction over its textured pixels."""

    def __init__(self) -> None:
        self.pixels = 0
        self.difference = 0.0
        self.gradient = 0.0
        self.errors: dict[str, float] = {}

    def add(self, grey_a: Tensor, grey_b: Tensor, flow: Tensor, other: Tensor | None) -> None:
        """Score every variant of ``flow`` (on a's grid); ``other`` is the flow given for b's grid."""
        gradient = _gradient(grey_a)[:, 0]
        textured = gradient > _TEXTURE
        still = _difference(grey_b, grey_a, textured)
        self.pixels += int(textured.sum())
        self.difference += float(still[textured].sum())
        self.gradient += float(gradient[textured].sum())
        variants = {name: change(flow.float()) for name, change in _VARIANTS.items()}
        if other is not None:
            variants[_OTHER_DIRECTION] = other.float()
        for name, candidate in variants.items():
            stays = inside(candidate)
            error = _difference(warp(grey_b, candidate), grey_a, textured & stays)
            explained = torch.where(stays, error, still).clamp(max=_LARGEST)
            self.errors[name] = self.errors.get(name, 0.0) + float(explained[textured].sum())

    def verdict(self) -> Verdict:
        """Name what fits best."""
        if self.pixels < _ENOUGH:
            return Verdict(None, {}, 'cannot be judged: the frames show too little texture')
        best_variant: dict[str, str] = {}
        for name in sorted(self.errors, key=lambda name: self.errors[name]):
            best_variant.setdefault(name.partition(':')[0], name)
        errors = {name: self.errors[best_variant[name]] / self.pixels for name in EXPLANATIONS}
        given, none = errors['as given'], errors['no flow']
        unmoved = _STILL * self.gradient / self.pixels
        if self.difference / self.pixels < unmoved and given - none < unmoved:
            return Verdict(None, errors, 'cannot be judged: nothing moves between the frames')
        best = _best(errors)
        variant = best_variant[best].partition(':')[2]
        return Verdict(best, errors, _SENTENCES[best].format(variant=_UPSIDE_DOWN.get(variant, '')))


def _best(errors: dict[str, float]) -> str:
    """Choose an explanation; a change must be clearly better than the flow as given, and that than no flow.

    Where nearly all of the motion is explained as given, what is left is the noise of the estimate: without vertical
    motion, a flow that is turned over fits as well.
    """
    rival = min(errors, key=lambda name: errors[name])
    gain, motion = errors['as given'] - errors[rival], errors['no flow'] - errors[rival]
    best = rival if gain > max(_MARGIN * errors['as given'], _NOISE * motion) else 'as given'
    return best if errors[best] < (1 - _MARGIN) * errors['no flow'] else 'no flow'


def _difference(grey: Tensor, reference: Tensor, counted: Tensor) -> Tensor:
    """Absolute difference (N, H, W) of two luminances (N, 1, H, W), less the brightness by which they differ."""
    difference = (grey - reference)[:, 0]
    brightness = difference[counted].median() if counted.any() else 0.0
    return (difference - brightness).abs()


def _luminance(frame: Tensor) -> Tensor:
    """Turn RGB (N, 3, H, W) into blurred luminance (N, 1, H, W).

    The blur takes the noise: interpolation would take it from a warped frame and leave it in one that is not warped.
    """
    grey = (frame.float() * frame.new_tensor(_GREY, dtype=torch.float32).view(1, 3, 1, 1)).sum(1, keepdim=True)
    padded = F.pad(grey, (2, 2, 2, 2), mode='replicate')
    row = torch.tensor([1.0, 4.0, 6.0, 4.0, 1.0], device=grey.device) / 16
    return F.conv2d(F.conv2d(padded, row.view(1, 1, 1, 5)), row.view(1, 1, 5, 1))


def _gradient(grey: Tensor) -> Tensor:
    """Length of the gradient (N, 1, H, W), by central differences."""
    padded = F.pad(grey, (1, 1, 1, 1), mode='replicate')
    along_x = (padded[..., 1:-1, 2:] - padded[..., 1:-1, :-2]) / 2
    along_y = (padded[..., 2:, 1:-1] - padded[..., :-2, 1:-1]) / 2
    return torch.hypot(along_x, along_y)
