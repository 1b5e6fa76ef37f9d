"""The text of a config for a domain pair of one's own."""

import os
from pathlib import Path

from i2vda_mmseg.datasets import ClassSpace
from i2vda_mmseg.datasets.video import VIDEOS

from .entry import INSTALLED, project_root
from .init_pair import Seen

# leaf, width of the frames in training, iterations between two checkpoints
NETWORKS = {
    'r18': ('i2vda/deeplabv2_r18_streetworld.py', 256, 100),
    'r101': ('i2vda/deeplabv2_r101_viper2cs_dis.py', 1024, 2000),
}
_DIVISOR = 32
_GOOD_MOTION = 4.0  # pixels at the size of training between the frames of a pair
_MOST = 10  # frames apart


def write_config(seen: Seen, space: ClassSpace, video: str, network: str, out: str | Path) -> str:
    """Give the text of a config for I2VDA on the pair.

    Args:
        seen: What the files show.
        space: The classes.
        video: The target, as ``look`` takes it.
        network: A name of ``NETWORKS``.
        out: File that it is for: ``_base_`` is relative to it where the package is a checkout.
    """
    leaf, width, interval = NETWORKS[network]
    target_size = _training_size(seen.target_size, width)
    source_size = _training_size(seen.source_size, width)
    motion = seen.motion * target_size[0] / seen.target_size[0]
    stride = int(min(_MOST, max(1, round(_GOOD_MOTION / motion))))
    is_video = Path(video).is_file() or any(path.suffix.lower() in VIDEOS for path in Path(video).iterdir())
    described = [f'    {key}={value!r},' for key, value in space.to_dict().items() if key != 'description']
    base = f'i2vda_mmseg::{leaf}' if INSTALLED.is_dir() else _relative(project_root() / 'configs' / leaf, out)
    return _TEMPLATE.format(
        base=base,
        stem=Path(out).stem,
        space='\n'.join(described),
        images=f'{seen.images} images of {seen.source_size[0]}x{seen.source_size[1]}',
        video=f'{seen.frames} frames or more of {seen.target_size[0]}x{seen.target_size[1]}'
        + (f', {seen.fps:g} a second' if seen.fps else ''),
        motion=f'{motion:.1f} pixels from frame to frame at this size, {motion * stride:.1f} in a pair',
        source_size=source_size,
        target_size=target_size,
        root=str(seen.root),
        prefix=seen.prefix,
        img_suffix=seen.suffixes['img_path'],
        seg_map_suffix=seen.suffixes['seg_map_path'],
        kind='VideoDataset' if is_video else 'FrameFolderDataset',
        target=str(Path(video).resolve()),
        stride=stride,
        interval=interval,
    )


def _training_size(size: tuple[int, int], width: int) -> tuple[int, int]:
    """(W, H) of about the same shape, no wider than ``width`` or than the pictures, multiples of ``_DIVISOR``."""
    wide = min(width, max(_DIVISOR, size[0] // _DIVISOR * _DIVISOR))
    return wide, max(_DIVISOR, round(wide * size[1] / size[0] / _DIVISOR) * _DIVISOR)


def _relative(path: Path, out: str | Path) -> str:
    return os.path.relpath(path, Path(out).resolve().parent)


_TEMPLATE = """# Written by tools/init_pair.py, to be edited.
_base_ = '{base}'
work_dir = 'work_dirs/{stem}'

# Classes in the order of the network's outputs; raw ids of the labels, None where they are ignored.
class_space = dict(
{space}
)

# Width and height in training. Source: {images}. Target: {video}.
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
            type='LabelledFolderDataset',
            data_root={root!r},
            data_prefix={prefix},
            img_suffix={img_suffix!r},
            seg_map_suffix={seg_map_suffix!r},
            pipeline=[
                dict(type='LoadImage'),
                dict(type='LoadRawLabels'),
                dict(resize, scale=source_size),
                dict(type='PackSegInputs'),
            ],
        ),
        target=dict(
            _delete_=True,
            type='{kind}',
            data_root={target!r},
            stride={stride},  # {motion}
            pipeline=[
                dict(type='LoadFramePair'),
                both_frames,
                dict(type='EstimateFlow'),
                dict(type='PackFramePair'),
            ],
        ),
    )
)
# How frames are prepared for the network when a video is segmented; the target has no labels to test on.
test_pipeline = [dict(type='LoadImage'), dict(resize, scale=target_size), dict(type='PackSegInputs')]
val_dataloader = val_cfg = val_evaluator = None
test_dataloader = test_cfg = test_evaluator = None
# All checkpoints are kept, for tools/select_checkpoint.py.
default_hooks = dict(checkpoint=dict(interval={interval}, max_keep_ckpts=-1))
"""
