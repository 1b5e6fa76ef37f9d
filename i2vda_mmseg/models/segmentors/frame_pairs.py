"""How a method feeds a network that fuses two frames."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from i2vda_mmseg.errors import ConfigError
from i2vda_mmseg.flow import build_flow_estimator
from i2vda_mmseg.models.wrappers import unwrapped

from .frame_fusion import stack_frames
from .frame_keys import carried, frame_keys, last_frames, source_frames
from .prediction import PredictionMixin


class FramePairMixin(PredictionMixin):
    """Let a method train and test a network that fuses two frames, where its ``segmentor`` is one.

    Tests on the same: ``inputs`` (N, 2, 3, H, W) of a pipeline with ``PackFramePair``, previous frame first, and flow
    from ``flow_estimator``. Where both frames are the same picture, as at the start of a clip, the flow is zero and is
    not estimated. A plain image (N, 3, H, W) stands for both frames.

    Attributes:
        flow_estimator: A ``FlowEstimator``; called with frame and previous frame, and with their keys.
    """

    takes_pairs = True

    flow_estimator: Any
    temporal: Any

    def use_flow(self, flow_estimator: dict | None) -> None:
        """Build the flow estimator of its config, which a network that fuses frames needs, and no other.

        Raises:
            ConfigError: If there is none, or one too many; or if there is a ``temporal``, for which M predicts from one
                frame.
        """
        kind = type(unwrapped(self.segmentor)).__name__
        if not self.fuses_frames and flow_estimator is not None:
            raise ConfigError(
                f'model.flow_estimator: {kind} predicts from single frames, without flow; leave it out, or take a '
                "network that fuses two frames, such as 'AccelEncoderDecoder'"
            )
        if self.fuses_frames and flow_estimator is None:
            raise ConfigError(
                f'model.flow_estimator: {kind} fuses two frames along the flow between them; give one, such as '
                "dict(type='DISFlow')"
            )
        if self.fuses_frames and self.temporal is not None:
            raise ConfigError(
                f'model.temporal: I_t is a single frame, and {type(self).__name__} predicts from two; leave it out'
            )
        if flow_estimator is not None:
            self.flow_estimator = build_flow_estimator(flow_estimator)

    def init_weights(self) -> None:
        """Initialise the weights, unless the flow estimator lacks a package or a file."""
        if self.fuses_frames:
            self.flow_estimator.check_available()
        super().init_weights()  # type: ignore[misc]

    def forward(self, inputs: Tensor, data_samples: list | None = None, mode: str = 'tensor') -> Any:
        """Predict frames (N, 2, 3, H, W), RGB 0..255, or normalised images (N, 3, H, W) that stand for both."""
        if not self.fuses_frames:
            images = inputs
        elif inputs.ndim == 5:
            images = self.two_frame_input(inputs, data_samples)
        else:
            still = inputs.new_zeros(len(inputs), 2, *inputs.shape[-2:])
            images = stack_frames(inputs, inputs, still)
        return super().forward(images, data_samples, mode)

    def two_frame_input(self, frames: Tensor, data_samples: Sequence[Any] | None = None) -> Tensor:
        """Estimate the flow between the last two frames and make the network's input.

        Args:
            frames: (N, T, 3, H, W), RGB 0..255, in order of time.
            data_samples: Samples whose ``frame_keys`` name these frames, for estimators that need keys.

        Returns:
            (N, 8, H, W), for the prediction of the last frame.
        """
        previous, current = last_frames(frames)
        return self.stacked(current, previous, self.flow_between(frames, data_samples, -1, -2))

    def source_input(self, source: dict[str, Any]) -> Tensor:
        """Make the network's input (N, 8, H, W) of a source batch.

        Raises:
            ValueError: If the batch has single images.
        """
        return self.two_frame_input(source_frames(source, type(self).__name__), source['data_samples'])

    def stacked(self, current: Tensor, previous: Tensor, flow: Tensor) -> Tensor:
        """Normalise two frames (N, 3, H, W), RGB 0..255, and put them and their flow into one input (N, 8, H, W)."""
        normalize = self.data_preprocessor.normalize
        return stack_frames(normalize(current), normalize(previous), flow)

    @torch.no_grad()
    def flow_between(self, frames: Tensor, data_samples: Sequence[Any] | None, a: int, b: int) -> Tensor:
        """Give ``flow_ab``: what the samples carry, or else estimated, zero where a and b are the same picture.

        Args:
            frames: (N, T, 3, H, W), RGB 0..255.
            data_samples: Samples that carry the flow, or whose ``frame_keys`` name these frames, or None.
            a: Position of frame a, of which the flow has the grid.
            b: Position of frame b, to which the flow points.

        Returns:
            (N, 2, H, W), float32, pixels.
        """
        names = [position % frames.shape[1] for position in (a, b)]
        if given := carried(data_samples or [], f'flow_{names[0]}{names[1]}'):
            return given[0]
        frame_a, frame_b = frames[:, a], frames[:, b]
        keys = frame_keys(data_samples or [], (a, b))
        moved = [x != y for x, y in keys] if keys else [not torch.equal(*pair) for pair in zip(frame_a, frame_b)]
        if all(moved):
            return self.flow_estimator(frame_a, frame_b, keys)
        flow = frame_a.new_zeros(len(frames), 2, *frames.shape[-2:])
        for i in [i for i, has_moved in enumerate(moved) if has_moved]:
            key = None if keys is None else [keys[i]]
            flow[i : i + 1] = self.flow_estimator(frame_a[i : i + 1], frame_b[i : i + 1], key)
        return flow
