"""A few frames to try a network on."""

import numpy as np
from mmengine.config import Config

from i2vda_mmseg.errors import ConfigError
from i2vda_mmseg.streetworld import iterate_clip

from .unlabelled_frames import choose_frames


def sample_frames(config: Config, count: int, source: str | None = None) -> tuple[list[np.ndarray], str]:
    """Give about ``count`` frames (H, W, 3), uint8, BGR, and say where they are from.

    Args:
        config: Frames of its target are taken, see ``choose_frames``; where it is not on this disk, of a StreetWorld.
        count: How many, at least 2.
        source: Video file or folder of frames, in place of these.

    Raises:
        FileNotFoundError: If there is nothing at ``source``.
        ValueError: If it cannot be read.
    """
    try:
        choice = choose_frames(config, count, source)
        return [shot.image for group in choice.groups for shot in group], source or "the config's target"
    except (FileNotFoundError, ConfigError):
        if source is not None:
            raise
    clip = iterate_clip(0, count, (256, 512))
    return [np.ascontiguousarray(frame.rgb[..., ::-1]) for frame in clip], 'StreetWorld (no target on this disk)'
