"""A spread of unlabelled frames: of a video, of a folder, or of a config's target."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from mmengine.config import Config
from mmengine.dataset import Compose
from mmseg.registry import DATASETS, TRANSFORMS
from torch import Tensor

from i2vda_mmseg.datasets.transforms.labels import LABEL_STEPS
from i2vda_mmseg.errors import ConfigError
from i2vda_mmseg.fileio.frame_source import FrameSource, spread
from i2vda_mmseg.fileio.frames import FRAME_COLOURS
from i2vda_mmseg.fileio.images import read_image
from i2vda_mmseg.ops import IGNORE_INDEX


class Shot(NamedTuple):
    """A frame."""

    key: str  # its name, the same wherever the data lie
    image: np.ndarray  # (H, W, 3), uint8, BGR


class FrameChoice(NamedTuple):
    """Which frames were chosen."""

    # pairs of consecutive frames, or single ones where none follow each other; read as they are asked for
    groups: Iterator[list[Shot]]
    facts: dict[str, Any]  # how they were chosen, for a report


def choose_frames(config: Config, count: int, video: str | None = None, data: str | None = None) -> FrameChoice:
    """Choose ``count`` frames as ``count // 2`` pairs of consecutive frames, spread evenly over all there are.

    Args:
        config: Its ``train_dataloader.dataset.target`` says where the frames are, if ``video`` does not.
        count: Number of frames, at least 2.
        video: Video file, or folder of frames.
        data: Data root in place of the target's.

    Raises:
        FileNotFoundError: If there is nothing at ``video``, or the target is not there.
        ConfigError: If the config has no target and there is no video.
        ValueError: If ``count`` is too small, both ``video`` and ``data`` are given, or there is no frame.
    """
    if count < 2:
        raise ValueError(f'frames must be 2 or more, got {count}')
    if video and data:
        raise ValueError(f'frames come from a video ({video}) or from the data of the config ({data}), not from both')
    return _of_source(video, count) if video else _of_target(config, count, data)


def source_shares(config: Config, classes: int, count: int = 32) -> Tensor:
    """Count the labels of the source, in ``count`` images spread evenly over it: (C,), int64, pixels of each class.

    Raises:
        ConfigError: If the config has no ``train_dataloader.dataset.source``, or its pipeline reads no labels.
        FileNotFoundError: If the source is not there.
        ValueError: If a label cannot be read, or none of the pixels has one.
    """
    source = _domain(config, 'source')
    steps = [step for step in source.pipeline if step['type'] in LABEL_STEPS]
    if not steps:
        raise ConfigError('train_dataloader.dataset.source.pipeline: it has no step that reads labels')
    dataset, load = DATASETS.build(dict(source, pipeline=[])), Compose([TRANSFORMS.build(step) for step in steps])
    counts = torch.zeros(classes, dtype=torch.int64)
    for index in spread(range(len(dataset)), count):
        labels = torch.from_numpy(load(dataset.get_data_info(index))['gt_seg_map']).long()
        counts += torch.bincount(labels.flatten(), minlength=IGNORE_INDEX + 1)[:classes]
    if not int(counts.sum()):
        raise ValueError(f'no pixel of {count} label maps of the source has a class')
    return counts


def _of_source(path: str, count: int) -> FrameChoice:
    source = FrameSource(path)
    has_pairs = not source.clips or any(len(clip) > 1 for clip in source.clips)
    groups: list[Any] = source.pairs() if has_pairs else [[frame] for clip in source.clips for frame in clip]
    chosen = spread(groups, count // 2 if has_pairs else count)
    shots = ([Shot(frame.key, source.read(frame)) for frame in group] for group in chosen)
    return FrameChoice(shots, _facts(path, chosen, len(groups) if has_pairs else 0))


def _of_target(config: Config, count: int, data: str | None) -> FrameChoice:
    target = _domain(config, 'target')
    dataset = DATASETS.build(dict(target, pipeline=[], **(dict(data_root=data) if data else {})))
    if not len(dataset):
        raise ValueError('train_dataloader.dataset.target has no frames')
    has_pairs = len(_files(dataset.get_data_info(0))) == 2
    chosen = spread(range(len(dataset)), count // 2 if has_pairs else count)
    groups = [_files(dataset.get_data_info(i)) for i in chosen]
    shots = ([Shot(key, read_image(path, colours=FRAME_COLOURS)) for key, path in group] for group in groups)
    return FrameChoice(shots, _facts(data or target.get('data_root'), groups, len(dataset) if has_pairs else 0))


def _files(info: dict[str, Any]) -> list[tuple[str, str]]:
    """Keys and paths of the last two frames of a sample, or of its image."""
    paths = info.get('frame_paths') or (info['img_path'],)
    keys = info.get('frame_keys') or [Path(path).name for path in paths]
    return list(zip(keys, paths))[-2:]


def _facts(source: Any, groups: list[Any], pairs: int) -> dict[str, Any]:
    spread_over = f'pairs of consecutive frames, evenly spread over all {pairs}' if pairs else ''
    numbers = dict(frames=sum(map(len, groups)), pairs=sum(len(group) == 2 for group in groups))
    return dict(source=str(source), **numbers, rule=spread_over or 'single frames, evenly spread')


def _domain(config: Config, name: str) -> Any:
    found = ((config.get('train_dataloader') or {}).get('dataset') or {}).get(name)
    if found is None:
        advice = '; give a video or a folder of frames with --video' if name == 'target' else ''
        raise ConfigError(f'train_dataloader.dataset.{name}: the config has none{advice}')
    return found
