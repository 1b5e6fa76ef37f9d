"""Loading weights into a network, safely, and only if they are its own."""

from pathlib import Path
from typing import Any

from mmengine.runner import load_checkpoint
from torch import nn

from i2vda_mmseg.models.segmentors.checkpoint import CheckpointMixin, check_fit

from .reading import safe_loading


def load_weights(model: nn.Module, checkpoint: str | Path) -> Any:
    """Load a checkpoint into a method or a plain ``EncoderDecoder``, on the CPU.

    Args:
        model: Changed in place.
        checkpoint: File or address. A method takes those of methods and of plain networks, a plain network its own.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is damaged, would run code, or lacks weights of the network, or has them in another shape.
    """
    with safe_loading():
        content = load_checkpoint(model, str(checkpoint), map_location='cpu')
    if not isinstance(model, CheckpointMixin):  # which has refused by itself
        state = {key.removeprefix('module.'): value for key, value in content.get('state_dict', content).items()}
        advice = "For the checkpoint of a method, give the method's config, or what tools/export.py makes of it"
        check_fit(model.state_dict(), state, str(checkpoint), advice, spare=('auxiliary_head.',))
    return content
