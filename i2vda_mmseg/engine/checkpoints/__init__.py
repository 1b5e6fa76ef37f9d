"""Checkpoints that are whole when they have a name, that run no code when they are read, and the one to go on from."""

from .reading import (
    DamagedCheckpointError,
    UntrustedCheckpointError,
    load_weights,
    read_checkpoint,
    read_weights,
    safe_loading,
    trust_checkpoints,
)
from .resuming import POINTER, find_resumable

__all__ = [
    'POINTER', 'DamagedCheckpointError', 'UntrustedCheckpointError', 'find_resumable', 'load_weights',
    'read_checkpoint', 'read_weights', 'safe_loading', 'trust_checkpoints',
]  # fmt: skip
