"""Checkpoints that are whole when they have a name, that run no code when they are read, and the one to go on from."""

from i2vda_mmseg.fileio.checkpoint_reading import (
    DamagedCheckpointError,
    UntrustedCheckpointError,
    read_checkpoint,
    read_weights,
    safe_loading,
    trust_checkpoints,
)

from .loading import check_loaded, load_weights
from .resuming import POINTER, find_resumable

__all__ = [
    'POINTER', 'DamagedCheckpointError', 'UntrustedCheckpointError', 'check_loaded', 'find_resumable',
    'load_weights', 'read_checkpoint', 'read_weights', 'safe_loading', 'trust_checkpoints',
]  # fmt: skip
