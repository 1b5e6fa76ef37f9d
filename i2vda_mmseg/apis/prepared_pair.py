"""From two data sets that were prepared to one config."""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple, TypeVar

from i2vda_mmseg.datasets import ClassSpace
from i2vda_mmseg.datasets.preparing import Prepared
from i2vda_mmseg.errors import ConfigError

from .init_pair import look_at_video
from .pair_config import Domain, config_text, times

T = TypeVar('T')
_UNPACKED = 20_000  # frames of videos, about as many pairs as a training reads


class Splits(NamedTuple):
    """Parts of two data sets: trained on, adapted to, tested on (None: val, if it is there)."""

    source: str = 'train'
    target: str = 'train'
    tested: str | None = None


def write_prepared_config(
    source: Prepared, target: Prepared, network: str, out: str | Path, space: ClassSpace, splits: Splits
) -> str:
    """Give the text of a config for I2VDA on two data sets that were prepared.

    Args:
        source: The labelled images.
        target: The videos; labelled ones are tested on.
        network: A name of ``NETWORKS``.
        out: File that it is for.
        space: The classes.
        splits: Which of their splits.

    Raises:
        ConfigError: If they do not have these splits.
    """
    images = _split_of(source.splits, splits.source, f'{source.name} has no labelled images in the split')
    problem = f'{target.name} has no videos, whose frames follow each other, in the split'
    frames = _split_of(target.frames, splits.target, problem)
    tested = target.splits.get('val')
    if splits.tested:
        tested = _split_of(target.splits, splits.tested, f'{target.name} has no labelled frames in the split')
    count, size, fps, motion = look_at_video(Path(frames['data_root']))
    speed = f', {fps:g} a second' if fps else ''
    if frames['type'] == 'VideoDataset':
        frames = dict(frames, most=max(1, round(_UNPACKED / count)))
    return config_text(
        'prepare/pair.py',
        space,
        Domain(images.config, images.size, f'{source.title}: {images.images} images of {times(images.size)}'),
        Domain(frames, size, f'{target.title}: {count} frames or more of {times(size)}{speed}'),
        motion,
        network,
        out,
        tested.config if tested else None,
    )


def _split_of(there: Mapping[str, T], name: str, problem: str) -> T:
    if name not in there:
        raise ConfigError(f'{problem} {name!r}; there is {", ".join(there) or "none"}')
    return there[name]
