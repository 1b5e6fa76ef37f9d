"""How far a figure would move with other clips of the same kind: the bootstrap over clips."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from .clip_counts import ClipCounts

DRAWS, LEVEL, SEED = 2000, 0.95, 0
LEAST_CLIPS = 10  # the spread of fewer says little of that of others
_AT_ONCE = 100  # draws whose weights are in memory together


class Interval(NamedTuple):
    """Where a figure lies for ``LEVEL`` of the draws, in its own unit."""

    low: float
    high: float

    @property
    def excludes_zero(self) -> bool:
        """Whether a difference of this interval is more than the choice of the clips."""
        return self.low > 0 or self.high < 0


class Draws(NamedTuple):
    """Figures of every draw, in 0..1."""

    mean: np.ndarray  # (draws,), mean IoU over the reported classes
    classes: np.ndarray  # (draws, C), IoU of each of them, NaN where a draw has none of it
    flicker: np.ndarray | None  # (draws,)


def draw_clips(counts: ClipCounts, draws: int = DRAWS, seed: int = SEED) -> Draws:
    """Measure as many sets of clips, each drawn with replacement from those that were tested and as large.

    The same seed draws the same clips of any counts of as many: figures of two methods on the same clips are paired.

    Args:
        counts: What was counted on each clip.
        draws: How many sets.
        seed: Of the draws.

    References:
        Efron, Tibshirani: An Introduction to the Bootstrap, 1993, chapters 6 and 13 (percentile intervals).
    """
    mean, classes, flicker = [], [], []
    for weights in _weights(len(counts.clips), draws, seed):
        ious = counts.class_iou(weights)
        classes.append(ious)
        mean.append(nanmean(ious))
        if counts.changed is not None and counts.valid is not None:
            flicker.append(_share(weights @ counts.changed, weights @ counts.valid))
    return Draws(np.concatenate(mean), np.concatenate(classes), np.concatenate(flicker) if flicker else None)


def interval_of(values: np.ndarray, level: float = LEVEL) -> Interval | None:
    """Give the percentile interval of a figure over all draws; None where a draw may lack it.

    Example:
        >>> interval_of(np.arange(101.0), level=0.5)
        Interval(low=25.0, high=75.0)
    """
    known = values[~np.isnan(values)]
    if len(known) < len(values) or not len(known):
        return None
    low, high = np.quantile(known, [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(low), float(high))


def intervals(counts: ClipCounts) -> dict[str, Interval]:
    """Give the intervals of ``mean`` and, where it was counted, ``flicker``, in 0..1; none of fewer than 10 clips."""
    if len(counts.clips) < LEAST_CLIPS:
        return {}
    drawn = draw_clips(counts)
    return _known(dict(mean=drawn.mean, flicker=drawn.flicker))


def paired_intervals(first: ClipCounts, other: ClipCounts) -> dict[str, Interval]:
    """Give the intervals of ``first`` less ``other``: ``mean``, ``flicker``, and each class by name, in 0..1.

    Both are measured on the same clips of each draw, so that what is hard for both cancels out. Empty where they are of
    other clips or classes, or of fewer than 10.
    """
    if not first.pairs_with(other) or len(first.clips) < LEAST_CLIPS:
        return {}
    a, b = draw_clips(first), draw_clips(other)
    flicker = None if a.flicker is None or b.flicker is None else a.flicker - b.flicker
    by_class = dict(zip(first.classes, (a.classes - b.classes).T))
    return _known(dict(mean=a.mean - b.mean, flicker=flicker) | by_class)


def _known(values: dict[str, np.ndarray | None]) -> dict[str, Interval]:
    found = {name: interval_of(each) for name, each in values.items() if each is not None}
    return {name: interval for name, interval in found.items() if interval is not None}


def _weights(clips: int, draws: int, seed: int) -> Iterator[np.ndarray]:
    """Yield how often each clip is drawn: (n, clips), whole numbers whose rows sum to the number of clips."""
    generator = np.random.default_rng(seed)
    for start in range(0, draws, _AT_ONCE):
        yield generator.multinomial(clips, np.full(clips, 1 / clips), size=min(_AT_ONCE, draws - start))


def nanmean(values: np.ndarray) -> np.ndarray:
    """Give the mean over the last axis of what is no number; NaN where there is nothing, without a warning."""
    return _share(np.nansum(values, axis=-1), (~np.isnan(values)).sum(axis=-1))


def _share(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    with np.errstate(invalid='ignore', divide='ignore'):
        return np.where(whole > 0, part / whole, np.nan)
