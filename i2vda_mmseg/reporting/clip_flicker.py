"""How much predictions flicker along a clip, pair by pair."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import cv2
import numpy as np
import torch
from torch import Tensor

from i2vda_mmseg.evaluation import TC_PRESETS
from i2vda_mmseg.evaluation.consistency_stream import ConsistencyStream
from i2vda_mmseg.flow import DISFlow

from .charts import Chart, Curve, draw_chart

_NOTE = (
    'Share of the pixels seen in both frames whose class changes from the frame before, along DIS flow of the frames '
    'as shown here; TC and flicker above are of the test set at full size. Click to go to a frame.'
)


class PairFlows(NamedTuple):
    """Flow between each frame of a clip and the one before."""

    size: tuple[int, int]  # (H, W) of the frames that it was estimated on
    pairs: list[tuple[Tensor, Tensor]]  # there and back, (2, H, W), pixels of that size


class FlickerMeter:
    """Measures the labels of frame after frame as the preset 'clean' does.

    Args:
        flows: Of the clip.
        num_classes: Number of classes, 2 to 255.
    """

    def __init__(self, flows: PairFlows, num_classes: int) -> None:
        self.flows = flows
        # its estimator is never called: all flow is there
        self._stream = ConsistencyStream(DISFlow(), num_classes, TC_PRESETS['clean'], flows.size)
        self._frames = 0

    def add(self, labels: Tensor) -> list[float]:
        """Take the labels (H, W) of the next frame; gives the flicker of its pair in percent, nothing for the first."""
        before = self._stream.counts
        self._stream.add(labels, None, flows=self.flows.pairs[self._frames - 1] if self._frames else None)
        self._frames += 1
        if self._frames == 1:
            return []
        changed, valid = self._stream.counts.changed - before.changed, self._stream.counts.valid - before.valid
        return [100 * changed / valid if valid else float('nan')]


def flows_along(frames: Iterable[np.ndarray], size: tuple[int, int]) -> PairFlows:
    """Estimate the flow of each pair of consecutive frames.

    Args:
        frames: (H, W, 3), uint8, BGR.
        size: Width and height to estimate at.
    """
    estimator = DISFlow()
    pairs: list[tuple[Tensor, Tensor]] = []
    previous: Tensor | None = None
    for frame in frames:
        small = cv2.resize(frame, size, interpolation=cv2.INTER_AREA)[..., ::-1]
        current = torch.from_numpy(np.ascontiguousarray(small)).permute(2, 0, 1)[None].float()
        if previous is not None:
            there, back = estimator(torch.cat([previous, current]), torch.cat([current, previous]))
            pairs.append((there, back))
        previous = current
    return PairFlows((size[1], size[0]), pairs)


def draw_flicker(flicker: Sequence[tuple[int, Sequence[float]]]) -> Chart | None:
    """Draw the flicker of each run, ``(run, percent of each pair)``; None where there is none.

    A point stands at the later frame of its pair, counted from 1.
    """
    curves = []
    for run, values in flicker:
        known = [(number, value) for number, value in enumerate(values, start=2) if not np.isnan(value)]
        if known:
            curves.append(Curve(run, [number for number, _ in known], [value for _, value in known]))
    if not curves:
        return None
    return draw_chart('Flicker along the clip, in percent ↓', curves, len(flicker) == 1, True, _NOTE, 'frame')
