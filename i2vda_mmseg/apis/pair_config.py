"""The text of a config for a domain pair of one's own."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from i2vda_mmseg.datasets import ClassSpace
from i2vda_mmseg.datasets.video import VIDEOS
from i2vda_mmseg.entry import INSTALLED, project_root

from .init_pair import Seen

# leaf, width of the frames in training, iterations between two checkpoints
NETWORKS = {
    'r18': ('i2vda/deeplabv2_r18_streetworld.py', 256, 100),
    'r101': ('i2vda/deeplabv2_r101_viper2cs_dis.py', 1024, 2000),
}
_DIVISOR = 32
_GOOD_MOTION = 4.0  # pixels at the size of training between the frames of a pair
_MOST = 10  # frames apart


class Domain(NamedTuple):
    """One side of a pair, as a config tells of it.

    Attributes:
        data: Config of its data set, without class space, pipeline and stride.
        size: (W, H) of its pictures.
        seen: What it is, for a comment.
    """

    data: Mapping[str, Any]
    size: tuple[int, int]
    seen: str


def write_config(seen: Seen, space: ClassSpace, video: str, network: str, out: str | Path) -> str:
    """Give the text of a config for I2VDA on images and a video of one's own.

    Args:
        seen: What the files show.
        space: The classes.
        video: The target, as ``look`` takes it.
        network: A name of ``NETWORKS``.
        out: File that it is for: ``_base_`` is relative to it where the package is a checkout.
    """
    is_video = Path(video).is_file() or any(path.suffix.lower() in VIDEOS for path in Path(video).iterdir())
    source = dict(
        type='LabelledFolderDataset',
        data_root=str(seen.root),
        data_prefix=seen.prefix,
        img_suffix=seen.suffixes['img_path'],
        seg_map_suffix=seen.suffixes['seg_map_path'],
    )
    target = dict(type='VideoDataset' if is_video else 'FrameFolderDataset', data_root=str(Path(video).resolve()))
    speed = f', {seen.fps:g} a second' if seen.fps else ''
    return config_text(
        'init_pair.py',
        space,
        Domain(source, seen.source_size, f'{seen.images} images of {times(seen.source_size)}'),
        Domain(target, seen.target_size, f'{seen.frames} frames or more of {times(seen.target_size)}{speed}'),
        seen.motion,
        network,
        out,
    )


def config_text(
    tool: str,
    space: ClassSpace,
    source: Domain,
    target: Domain,
    motion: float,
    network: str,
    out: str | Path,
    tested: Mapping[str, Any] | None = None,
) -> str:
    """Give the text of a config for I2VDA on a pair of domains.

    Args:
        tool: Name of the tool that writes it.
        space: The classes.
        source: Labelled images.
        target: Videos.
        motion: Median motion from one frame of the target to the next, in its pixels.
        network: A name of ``NETWORKS``.
        out: File that it is for: ``_base_`` is relative to it where the package is a checkout.
        tested: Config of a data set of labelled frames of the target, to test on; None: it has none.
    """
    leaf, width, interval = NETWORKS[network]
    target_size = _training_size(target.size, width)
    motion *= target_size[0] / target.size[0]
    stride = int(min(_MOST, max(1, round(_GOOD_MOTION / motion))))
    has_stride = target.data.get('pairs') != 'labelled'  # of which the frame before is all that is there
    described = {key: value for key, value in space.to_dict().items() if key != 'description'}
    return _TEMPLATE.format(
        tool=tool,
        base=f'i2vda_mmseg::{leaf}' if INSTALLED.is_dir() else _relative(project_root() / 'configs' / leaf, out),
        stem=Path(out).stem,
        space=_arguments(described, 4),
        source_seen=source.seen,
        target_seen=target.seen,
        source_size=_training_size(source.size, width),
        target_size=target_size,
        source=_arguments(source.data, 12),
        target=_arguments(target.data, 12),
        stride=f'            stride={stride},' if has_stride else '            # the pairs of the data set',
        motion=f'{motion:.1f} pixels from frame to frame at this size'
        + (f', {motion * stride:.1f} in a pair' if has_stride else ''),
        evaluation=_EVALUATION.format(tested=_arguments(tested, 8)) if tested else _NO_EVALUATION,
        interval=interval,
    )


def _arguments(values: Mapping[str, Any], indent: int) -> str:
    """Write keyword arguments, one a line."""
    return '\n'.join(f'{" " * indent}{key}={value!r},' for key, value in values.items())


def times(size: tuple[int, int]) -> str:
    """Write width and height.

    Example:
        >>> times((96, 48))
        '96x48'
    """
    return f'{size[0]}x{size[1]}'


def _training_size(size: tuple[int, int], width: int) -> tuple[int, int]:
    """(W, H) of about the same shape, no wider than ``width`` or than the pictures, multiples of ``_DIVISOR``."""
    wide = min(width, max(_DIVISOR, size[0] // _DIVISOR * _DIVISOR))
    return wide, max(_DIVISOR, round(wide * size[1] / size[0] / _DIVISOR) * _DIVISOR)


def _relative(path: Path, out: str | Path) -> str:
    return os.path.relpath(path, Path(out).resolve().parent)


_TEMPLATE = """# Written by tools/{tool}, to be edited.
_base_ = '{base}'
work_dir = 'work_dirs/{stem}'

# Classes in the order of the network's outputs; raw ids of the labels, None where they are ignored.
class_space = dict(
{space}
)

# Width and height in training.
# Source: {source_seen}.
# Target: {target_seen}.
source_size, target_size = {source_size}, {target_size}
resize = dict(type='Resize', keep_ratio=False, backend='pillow', interpolation='bicubic')
both_frames = dict(
    type='TransformBroadcaster',
    mapping=dict(img=['frame_0', 'frame_1']),
    auto_remap=True,
    share_random_params=True,
    transforms=[dict(resize, scale=target_size)],
)
train_dataloader = dict(
    dataset=dict(
        source=dict(
            _delete_=True,
{source}
            pipeline=[
                dict(type='LoadImage'),
                dict(type='LoadRawLabels'),
                dict(resize, scale=source_size),
                dict(type='PackSegInputs'),
            ],
        ),
        target=dict(
            _delete_=True,
{target}
{stride}  # {motion}
            pipeline=[
                dict(type='LoadFramePair'),
                both_frames,
                dict(type='EstimateFlow'),
                dict(type='PackFramePair'),
            ],
        ),
    )
)
{evaluation}
# All checkpoints are kept, for tools/select_checkpoint.py.
default_hooks = dict(checkpoint=dict(interval={interval}, max_keep_ckpts=-1))
"""

_NO_EVALUATION = """# How frames of a video are prepared for the network; the target has no labels to test on.
test_pipeline = [dict(type='LoadImage'), dict(resize, scale=target_size), dict(type='PackSegInputs')]
val_dataloader = val_cfg = val_evaluator = None
test_dataloader = test_cfg = test_evaluator = None"""

_EVALUATION = """# Labels come after Resize: predictions are brought to the label's own size.
test_pipeline = [
    dict(type='LoadImage'),
    dict(resize, scale=target_size),
    dict(type='LoadRawLabels'),
    dict(type='PackSegInputs'),
]
val_dataloader = dict(
    dataset=dict(
        _delete_=True,
{tested}
        test_mode=True,
        pipeline=test_pipeline,
    )
)
test_dataloader = val_dataloader"""
