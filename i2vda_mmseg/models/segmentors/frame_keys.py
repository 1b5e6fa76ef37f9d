"""What the samples of a batch say about their frames: names, and the flow between them."""

from collections.abc import Sequence
from typing import Any

import torch
from mmengine.structures import PixelData
from torch import Tensor

from i2vda_mmseg.errors import ConfigError


def frame_keys(data_samples: Sequence[Any], *pairs: tuple[int, int]) -> list[tuple[str, str]] | None:
    """Give the flow estimator's keys, or None where the samples name no frames.

    Args:
        data_samples: N samples, each with ``frame_keys`` among its meta information, or none of them.
        *pairs: Frames (a, b) of each ``flow_ab`` that is asked for, as indices into ``frame_keys``.

    Returns:
        The keys of frames a and b: N of the first pair, then N of the next.

    Raises:
        ValueError: If some samples name their frames and some do not.
    """
    keys = [sample.metainfo['frame_keys'] for sample in data_samples if 'frame_keys' in sample.metainfo]
    if keys and len(keys) != len(data_samples):
        raise ValueError('some samples of the batch carry frame_keys and some do not')
    return [(key[a], key[b]) for a, b in pairs for key in keys] or None


def carried(data_samples: Sequence[Any], *fields: str) -> list[Tensor] | None:
    """Give what the data workers computed, flow or a frame, or None where the model has to.

    Args:
        data_samples: N samples.
        *fields: Names of data fields, such as ``flow_10`` ((2, H, W) a sample, see ``PackFramePair``).

    Returns:
        (N, C, H, W) a field, float32; None if the samples do not carry all of the fields.

    Raises:
        ValueError: If some samples do and some do not.
    """
    having = [sample for sample in data_samples if all(hasattr(sample, field) for field in fields)]
    if not having:
        return None
    if len(having) != len(data_samples):
        raise ValueError(f'some samples of the batch carry {" and ".join(fields)} and some do not')
    return [torch.stack([getattr(sample, field).data for sample in data_samples]) for field in fields]


def last_frames(frames: Tensor) -> tuple[Tensor, Tensor]:
    """Give the last two of some frames (N, T, 3, H, W), in order of time.

    Raises:
        ConfigError: If there is one only.
    """
    if frames.shape[1] < 2:
        raise ConfigError(
            'LoadFramePair.only_last: the method looks at the last two frames of a sample, and the pipeline gives one; '
            'set it to False'
        )
    return frames[:, -2], frames[:, -1]


@torch.no_grad()
def flows_of_last_frames(flow_estimator: Any, target: dict[str, Any]) -> Sequence[Tensor]:
    """Give F_01 and F_10 of the last two frames of a batch: what the samples carry, or else estimated.

    Args:
        flow_estimator: A ``FlowEstimator``.
        target: ``dict(frames=(N, T, 3, H, W), data_samples)``, RGB 0..255, in order of time.

    Returns:
        Two flows, (N, 2, H, W), pixels.

    Raises:
        ConfigError: If there is one frame only.
    """
    frames, data_samples = target['frames'], target['data_samples']
    frame_0, frame_1 = last_frames(frames)
    last = frames.shape[1] - 1
    if given := carried(data_samples, f'flow_{last - 1}{last}', f'flow_{last}{last - 1}'):
        return given
    keys = frame_keys(data_samples, (-2, -1), (-1, -2))
    return flow_estimator(torch.cat((frame_0, frame_1)), torch.cat((frame_1, frame_0)), keys).chunk(2)


def let_carry(data_samples: Sequence[Any], fields: dict[str, Tensor]) -> None:
    """Hand (N, C, H, W) a field to N samples, from which ``carried`` gives them back."""
    for name, values in fields.items():
        for sample, value in zip(data_samples, values):
            sample.set_data({name: PixelData(data=value)})


def source_frames(source: dict[str, Any], who: str) -> Tensor:
    """Give the frames of a source batch, (N, T, 3, H, W), RGB 0..255, of which ``who`` needs two.

    Raises:
        ValueError: If it has single images.
    """
    if 'frames' not in source:
        raise ValueError(
            f'{who} learns from two source frames, but the source has single images: set previous_frame=True in the '
            'source data set, with LoadFramePair and PackFramePair in its pipeline'
        )
    return source['frames']
