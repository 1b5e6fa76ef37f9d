"""Temporal consistency of one stream of frames, with one previous frame in memory."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from i2vda_mmseg.ops import IGNORE_INDEX, resize_flow, unknown

from .pair_consistency import ConsistencyCounts, Switches, valid_pixels, warp_prediction

# RGB, of images in 0..1
_MEAN, _STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
_NO_RANGE = (torch.uint16, torch.uint32, torch.uint64)  # torch finds no smallest and largest value of these


class _Moment(NamedTuple):
    prediction: Tensor
    labels: Tensor
    frame: Tensor | None
    key: str


class ConsistencyStream:
    """Counts pairs of consecutive frames as they come.

    For each frame t + 1, its prediction is warped to frame t with the flow from t to t + 1 and compared there with the
    prediction of t.

    Args:
        flow_estimator: A ``FlowEstimator``, or anything called like one: ``(frame_a, frame_b, keys) -> flow_ab``.
        num_classes: Number of classes, 2 to 255.
        switches: How to compare.
        flow_size: (H, W) of the frames that flow is estimated on, or None: that of the predictions, to which the field
            is resized.

    Raises:
        ValueError: If the number of classes is not in that range.
    """

    def __init__(
        self,
        flow_estimator: Callable[..., Tensor],
        num_classes: int,
        switches: Switches,
        flow_size: tuple[int, int] | None = None,
    ) -> None:
        if not 2 <= num_classes <= IGNORE_INDEX:
            raise ValueError(f'num_classes must be in 2..{IGNORE_INDEX}, got {num_classes}')
        self.flow_estimator = flow_estimator
        self.num_classes = num_classes
        self.switches = switches
        self.flow_size = flow_size
        self.counts = ConsistencyCounts.zero(num_classes)  # since the stream was made
        self._previous: _Moment | None = None

    def begin_clip(self) -> None:
        """Forget the previous frame: the next one begins another clip."""
        self._previous = None
        self.counts = self.counts._replace(clips=self.counts.clips + 1)

    def add(
        self,
        prediction: Tensor,
        frame: Tensor | np.ndarray | None,
        key: str = '',
        flows: Sequence[Tensor] | None = None,
    ) -> None:
        """Take the next frame.

        Args:
            prediction: (H, W), whole numbers: classes, 255 for none. With warping by 'probs', (C, H, W) logits.
            frame: (3, H', W') tensor or (H', W', 3) array, RGB in 0..255; None where flow is given for all pairs.
            key: The frame's path relative to the data root, for a flow cache.
            flows: (2, h, w) each, pixels of the size that flow is estimated on: from the previous frame to this one
                and, where ``mask`` needs it, back; None: estimated.

        Raises:
            ValueError: If the shape of the prediction, the frame or a flow is not that, a label is neither a class nor
                255, there is neither frame nor flow, or the flow or the probabilities are not finite.
        """
        current = self._moment(prediction, frame, key)
        if self._previous is not None:
            self.counts = self.counts.plus(self._compare(self._previous, current, flows))
        self._previous = current

    def _moment(self, prediction: Tensor, frame: Tensor | np.ndarray | None, key: str) -> _Moment:
        expected = 3 if self.switches.warping == 'probs' else 2
        if prediction.ndim != expected or (expected == 3 and len(prediction) != self.num_classes):
            shape = f'({self.num_classes}, H, W) logits' if expected == 3 else '(H, W) classes'
            raise ValueError(
                f'warping={self.switches.warping!r} takes predictions as {shape}, got {tuple(prediction.shape)}'
            )
        if expected == 3:
            held, labels = prediction.float().softmax(0), prediction.argmax(0).to(torch.uint8)
            require_finite(held, f'the class probabilities of {key or "a frame"}')
        else:
            held = labels = checked_labels(prediction, self.num_classes)
        return _Moment(held, labels, None if frame is None else self._frame(frame, labels), key)

    def _frame(self, frame: Tensor | np.ndarray, labels: Tensor) -> Tensor:
        """Give a frame as (1, 3, h, w) of the size that flow is estimated on."""
        image = torch.as_tensor(np.ascontiguousarray(frame)).movedim(-1, 0) if isinstance(frame, np.ndarray) else frame
        if image.ndim != 3 or len(image) != 3:
            raise ValueError(f'a frame is (3, H, W) or, as an array, (H, W, 3); got {tuple(frame.shape)}')
        image = image.to(labels.device)[None]
        size = self.flow_size or tuple(labels.shape)
        if tuple(image.shape[-2:]) == size:
            return image
        return F.interpolate(image.float(), size=size, mode='area')

    def _compare(self, previous: _Moment, current: _Moment, flows: Sequence[Tensor] | None) -> ConsistencyCounts:
        if previous.labels.shape != current.labels.shape:
            shapes = f'{tuple(previous.labels.shape)} and {tuple(current.labels.shape)}'
            raise ValueError(f'the predictions of two consecutive frames differ in size: {shapes} (H, W)')
        flow, valid = self._flow(previous, current, flows)
        warped = warp_prediction(current.prediction, flow, self.switches.warping)
        if self.switches.mask != 'none':
            valid &= previous.labels != IGNORE_INDEX
        return ConsistencyCounts.of_pair(previous.labels, warped, valid, self.num_classes)

    def _flow(self, previous: _Moment, current: _Moment, given: Sequence[Tensor] | None) -> tuple[Tensor, Tensor]:
        """Flow (2, H, W) from the previous frame to the current one, and where it is valid."""
        size: Any = tuple(previous.labels.shape)
        both = self.switches.mask != 'none'
        flows = self._estimated(previous, current, both) if given is None else self._given(given, previous, both)
        require_finite(flows, f'the flow from {previous.key or "a frame"} to {current.key or "the next"}')
        flows = resize_flow(flows, size)  # pixels of the predictions
        if not both:
            return flows[0], ~unknown(flows[:1])[0]
        return flows[0], valid_pixels(flows[0], flows[1], self.switches.eta)

    def _estimated(self, previous: _Moment, current: _Moment, both: bool) -> Tensor:
        if previous.frame is None or current.frame is None:
            raise ValueError(f'there is no flow from {previous.key} to {current.key}, and no frames to estimate it on')
        frames = [self._flow_input(frame) for frame in (previous.frame, current.frame)]
        keys = [(previous.key, current.key), (current.key, previous.key)]
        if not both:
            return self.flow_estimator(frames[0], frames[1], keys[:1])
        return self.flow_estimator(torch.cat(frames), torch.cat(frames[::-1]), keys)

    def _given(self, flows: Sequence[Tensor], previous: _Moment, both: bool) -> Tensor:
        expected = self.flow_size or tuple(previous.labels.shape)
        if len(flows) < 1 + both or any(tuple(flow.shape) != (2, *expected) for flow in flows):
            raise ValueError(
                f'temporal consistency needs {1 + both} flows of the shape (2, H, W) = {(2, *expected)}, got '
                f'{[tuple(flow.shape) for flow in flows]}; give flow_size and the data set that estimates flow one size'
            )
        return torch.stack(list(flows)).to(previous.labels.device)

    def _flow_input(self, frame: Tensor) -> Tensor:
        frame = frame.float()  # held in 8 bits
        if self.switches.flow_input == 'rgb255':
            return frame
        mean, std = (frame.new_tensor(values).view(1, 3, 1, 1) for values in (_MEAN, _STD))
        return (frame / 255 - mean) / std


def checked_labels(labels: Tensor, num_classes: int) -> Tensor:
    """Give a label map (H, W), classes 0..C-1 or 255 for none in any dtype, as uint8.

    Raises:
        ValueError: If a value is not whole, or neither a class nor 255.
    """
    labels = labels.long() if labels.dtype in _NO_RANGE else labels
    # One small transfer from the device; the other passes are made only where there is a 255, or a fault.
    low, high = torch.stack(labels.aminmax()).tolist() if labels.numel() else (0, 0)
    if labels.is_floating_point() or low < 0 or high >= num_classes:
        is_class = (labels >= 0) & (labels < num_classes) & (labels == labels.floor())
        strange = labels[~is_class & (labels != IGNORE_INDEX)]
        if len(strange):
            odd = list(dict.fromkeys(f'{value:.12g}' for value in strange.unique().tolist()))
            raise ValueError(
                f'a prediction holds classes 0..{num_classes - 1}, or {IGNORE_INDEX} for none, but there is '
                f'{", ".join(odd[:5])}{", ..." if len(odd) > 5 else ""}; give whole indices of these classes, not ids '
                'of the data set, probabilities or colours'
            )
    return labels.to(torch.uint8)


def require_finite(values: Tensor, what: str) -> None:
    """Raise ValueError, naming ``what``, if a value is NaN or infinite."""
    # NaN and infinity are each the smallest or the largest: at a twentieth of the cost of a mask of all values.
    if values.numel() and not bool(torch.stack(values.aminmax()).isfinite().all()):
        share = 100 * float((~values.isfinite()).float().mean())
        raise ValueError(
            f'{what} must be finite, but {share:.3g} % of the values are NaN or infinite; a figure of them would mean '
            'nothing'
        )
