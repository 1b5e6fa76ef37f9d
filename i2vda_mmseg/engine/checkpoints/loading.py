"""Weights of a checkpoint into a network, which they must fit."""

from pathlib import Path
from typing import Any

from mmengine.runner import load_checkpoint
from torch import nn

from i2vda_mmseg.fileio.checkpoint_reading import DamagedCheckpointError, first_line, safe_loading
from i2vda_mmseg.models.segmentors.checkpoint import CheckpointMixin, check_fit
from i2vda_mmseg.models.segmentors.checkpoint_parts import state_of


def load_weights(model: nn.Module, checkpoint: str | Path) -> Any:
    """Load a checkpoint into a method or a plain ``EncoderDecoder``, on the CPU, and give its content.

    Args:
        model: Changed in place.
        checkpoint: File or address. A method takes those of methods and of plain networks, a plain network its own.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is damaged, would run code, or lacks weights of the network, or has them in another shape.
    """
    try:
        with safe_loading():
            content = load_checkpoint(model, str(checkpoint), map_location='cpu')
    except RuntimeError as error:  # such as for a file of torch.save that holds something else
        raise DamagedCheckpointError(f'{checkpoint} cannot be loaded: {first_line(error)}') from error
    check_loaded(model, content, checkpoint)
    return content


def check_loaded(model: nn.Module, content: Any, checkpoint: str | Path) -> None:
    """Refuse what was loaded into a plain network and does not fit it; a method has refused by itself.

    Args:
        model: Without a wrapper of distributed training.
        content: Of the checkpoint.
        checkpoint: Where it is from, for the message.

    Raises:
        ValueError: If it lacks weights of the network, or has them in another shape.
    """
    if not isinstance(model, CheckpointMixin):
        advice = (
            "For a method's checkpoint, give the method's config, or what tools/export.py makes of the checkpoint; for "
            'one of other classes, train with tools/train.py --new-head'
        )
        state = state_of(content, str(checkpoint))
        check_fit(model.state_dict(), state, str(checkpoint), advice, spare=('auxiliary_head.',))
