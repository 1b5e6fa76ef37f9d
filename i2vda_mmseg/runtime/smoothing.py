"""Class probabilities averaged over time along the optical flow: labels that flicker less, at the cost of flow."""

import time
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any

import numpy as np

from .labeller import FrameLabeller
from .scores import best_labels

SHARE = 0.5  # of the past
_SMALLEST = 32  # pixels: below that, the coarsest level of DIS holds less than one patch
_MEGABYTE = 1e6

Flow = Callable[[np.ndarray, np.ndarray], np.ndarray]


class ProbabilitySmoother:
    """A running average of class probabilities, carried from frame to frame by the optical flow.

    ``s_t = share * W(s_{t-1}, F_{t,t-1}) + (1 - share) * p_t`` where the flow is valid, and ``s_t = p_t`` elsewhere.
    Flow is valid where it stays inside the frame and going there and back ends within ``eta`` pixels, Eq. 7 on frame
    t's grid. This takes two flows a frame, and the frame before with its average in memory.

    Args:
        share: Of the past, 0 (none) to below 1.
        eta: In pixels.
        flow: From two grey frames a and b (H, W), uint8, to ``flow_ab`` (H, W, 2), float32, pixels; ``dis_flow``.

    Attributes:
        seconds: Time that flow and averages have taken.
        frames: Number of frames so far.
        memory: Bytes that are kept of the frame before.

    Raises:
        ValueError: If ``share`` is out of range.
        ImportError: If OpenCV, which estimates and follows the flow, is not installed.
    """

    def __init__(self, share: float = SHARE, eta: float = 1.0, flow: Flow | None = None) -> None:
        if not 0 <= share < 1:
            raise ValueError(f'the share of the past must be in 0..1, and below 1; got {share}')
        self.share, self.eta, self._flow, self._cv2 = share, eta, flow or dis_flow, _opencv()
        self.seconds, self.frames, self.memory = 0.0, 0, 0
        self._previous: tuple[np.ndarray, np.ndarray] | None = None

    def begin_clip(self) -> None:
        """Forget the past: the next frame continues nothing."""
        self._previous = None

    def __call__(self, probs: np.ndarray, frame: np.ndarray) -> np.ndarray:
        """Take the next frame.

        Args:
            probs: (C, H, W), float32, of this frame alone.
            frame: (H, W, 3), uint8, BGR. After a frame of another size nothing is averaged.

        Returns:
            (C, H, W), float32, the average.
        """
        start = time.perf_counter()
        grey = self._cv2.cvtColor(np.ascontiguousarray(frame), self._cv2.COLOR_BGR2GRAY)
        average = np.ascontiguousarray(probs.transpose(1, 2, 0))  # (H, W, C), as OpenCV has it
        if self._previous is not None and self._previous[1].shape == average.shape:
            average = self._averaged(average, grey, *self._previous)
        self._previous = grey, average
        self.memory = grey.nbytes + average.nbytes
        self.seconds += time.perf_counter() - start
        self.frames += 1
        return average.transpose(2, 0, 1)

    def report(self) -> str:
        """Say in a line what it has cost."""
        milliseconds = 1000 * self.seconds / max(1, self.frames)
        return (
            f'smoothing: {milliseconds:.0f} ms a frame for two flows and the average, '
            f'{self.memory / _MEGABYTE:.1f} MB kept of the frame before'
        )

    def _averaged(
        self, probs: np.ndarray, grey: np.ndarray, previous_grey: np.ndarray, previous: np.ndarray
    ) -> np.ndarray:
        back, forth = self._flow(grey, previous_grey), self._flow(previous_grey, grey)
        valid = valid_flow(back, forth, self.eta)
        share = np.where(valid, np.float32(self.share), np.float32(0))[..., None]
        return probs + share * (follow(previous, back) - probs)


class SmoothedLabeller:
    """A ``FrameLabeller`` whose labels are those of averaged probabilities.

    Args:
        labeller: Labels single frames; its network gives logits or probabilities.
        smoother: Averages.

    Raises:
        ValueError: If the network gives labels alone, which have no average.
    """

    def __init__(self, labeller: FrameLabeller, smoother: ProbabilitySmoother) -> None:
        labeller.require_scores()
        self._labeller, self.smoother = labeller, smoother
        self.network, self.palette = labeller.network, labeller.palette

    def begin_clip(self) -> None:
        """Forget the frames before."""
        self.smoother.begin_clip()

    def label(self, frames: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Label frames (H, W, 3), uint8, BGR, in their order: (H, W), uint8, class indices, of each."""
        probs = self._labeller.probabilities_of(frames)
        return [best_labels(self.smoother(each, frame)) for each, frame in zip(probs, frames)]


def dis_flow(grey_a: np.ndarray, grey_b: np.ndarray, preset: str = 'medium') -> np.ndarray:
    """Estimate ``flow_ab`` (H, W, 2), float32, pixels, by OpenCV's DIS, as ``flow.DISFlow`` does it with tensors.

    Args:
        grey_a: (H, W), uint8.
        grey_b: (H, W), uint8.
        preset: 'ultrafast', 'fast' or 'medium'.
    """
    cv2, (height, width) = _opencv(), grey_a.shape
    below, right = max(0, _SMALLEST - height), max(0, _SMALLEST - width)
    padded = [np.pad(grey, ((0, below), (0, right)), 'edge') if below or right else grey for grey in (grey_a, grey_b)]
    # A new object each time: it starts from the last flow that it estimated, which is of another pair.
    flow = cv2.DISOpticalFlow.create(getattr(cv2, f'DISOPTICAL_FLOW_PRESET_{preset.upper()}')).calc(*padded, None)
    return flow[:height, :width]


def follow(values: np.ndarray, flow: np.ndarray) -> np.ndarray:
    """Resample values (H, W, C) of frame b on frame a's grid along ``flow_ab`` (H, W, 2); ``ops.warp`` for arrays."""
    cv2, (x, y) = _opencv(), _places(flow)
    followed = cv2.remap(values, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return followed.reshape(values.shape)  # OpenCV drops a single channel


def valid_flow(flow_ab: np.ndarray, flow_ba: np.ndarray, eta: float) -> np.ndarray:
    """Tell where frame a is seen in frame b: (H, W), bool, on a's grid, from flows (H, W, 2) in pixels.

    Going there stays inside the frame, and going back ends less than ``eta`` pixels from the start.
    """
    (x, y), (height, width) = _places(flow_ab), flow_ab.shape[:2]
    is_inside = (x >= 0) & (x <= width - 1) & (y >= 0) & (y <= height - 1)
    apart = follow(flow_ba, flow_ab) + flow_ab
    return is_inside & (np.linalg.norm(apart, axis=2) < eta)


def _places(flow: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Give where a flow points to: x and y (H, W), float32, pixels."""
    height, width = flow.shape[:2]
    columns, rows = np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32)[:, None]
    return columns + flow[..., 0], rows + flow[..., 1]


def _opencv() -> Any:
    try:
        return import_module('cv2')
    except ImportError as error:
        raise ImportError(
            f'smoothing needs OpenCV, which cannot be imported ({error}). Run: pip install opencv-python'
        ) from error
