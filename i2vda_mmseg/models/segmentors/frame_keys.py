"""What the samples of a batch call their frames."""

from collections.abc import Sequence
from typing import Any


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
