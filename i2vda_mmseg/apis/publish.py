"""A checkpoint to give away: what is needed to test, named by its content."""

import hashlib
import io
from pathlib import Path

import torch

from i2vda_mmseg.engine.checkpoints import read_checkpoint
from i2vda_mmseg.fileio.atomic import write_atomically
from i2vda_mmseg.models.segmentors.checkpoint_parts import TRAINING_PARTS, part_of, state_of

KEPT_META = ('dataset_meta', 'iter', 'seed', 'experiment_name', 'mmengine_version')
_DIGITS = 8


def publish_checkpoint(checkpoint: str | Path, out: str | Path, keep_proxy: bool = False) -> Path:
    """Strip a checkpoint of all that only training needs, and put the hash of the file into its name.

    Optimizers, schedulers, histories, random states, the discriminator, the proxy, the initial encoder and thresholds
    go; so do the config and what the notes say of the machine, its paths and its user. ``tools/test.py`` takes the file
    with the method's config.

    Args:
        checkpoint: Checkpoint of a method, or of a plain network.
        out: The file is named ``<out without ending>-<first 8 digits of its SHA-256>.pth``, as MMSegmentation's are.
        keep_proxy: Keep M' and the discriminator, for ``load_from`` of another training.

    Returns:
        The path of the new file.

    Raises:
        ValueError: If the checkpoint is damaged, would run code, or holds no weights.
    """
    content = read_checkpoint(checkpoint)
    state = state_of(content, str(checkpoint))
    weights = {key: value for key, value in state.items() if keep_proxy or part_of(key) not in TRAINING_PARTS}
    meta = {key: value for key, value in content.get('meta', {}).items() if key in KEPT_META}
    buffer = io.BytesIO()
    torch.save({'meta': meta, 'state_dict': weights}, buffer)
    data = buffer.getvalue()
    target = Path(out).with_suffix('')
    path = target.with_name(f'{target.name}-{hashlib.sha256(data).hexdigest()[:_DIGITS]}.pth')
    write_atomically(data, path)
    return path
