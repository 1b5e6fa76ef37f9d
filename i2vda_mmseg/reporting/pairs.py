"""Pairs of frames of the target, with the labels of the later one if there are any."""

import inspect
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from mmengine.config import Config
from mmengine.logging import print_log
from mmseg.registry import DATASETS

from i2vda_mmseg.datasets.raw_label_dataset import RawLabelDataset
from i2vda_mmseg.datasets.transforms.flow import without_flow
from i2vda_mmseg.fileio.frames import FRAME_COLOURS
from i2vda_mmseg.fileio.images import read_image


class LabelledPair(NamedTuple):
    """Two frames and the labels of the later one, if it has any."""

    path: str  # file of the later frame
    # ``dict(frames=(1, T, 3, H, W) float32 RGB 0..255, data_samples)``, as a method's preprocessor makes it
    target: dict[str, Any]
    labels: np.ndarray | None  # (H, W) as tested, uint8, class indices and 255 = ignored

    before: str | None = None  # file of the frame before; None where both come out of a video

    @property
    def name(self) -> str:
        """What the frame is called."""
        return Path(self.path).stem.removesuffix('_leftImg8bit')

    def images(self) -> tuple[np.ndarray, np.ndarray]:
        """Both frames, (H, W, 3), uint8, BGR: as on disk, or, out of a video, as the model is trained on them."""
        if self.before is None:
            first, second = self.target['frames'][0, -2:].flip(1).round().clamp(0, 255).byte().permute(0, 2, 3, 1)
            return first.numpy(), second.numpy()
        first, second = (read_image(path, colours=FRAME_COLOURS) for path in (self.before, self.path))
        return first, second


class NoFrameBeforeError(FileNotFoundError):
    """The labelled frames of a data set are single ones; the message says of what it knows no frames before."""


class LabelledPairs:
    """The labelled frames of a config's val data set, in its order.

    The frames go through the pipeline of the training's target, so that they have the size that the model is trained
    on; the labels go through the pipeline of the val data set, which leaves them in their own size.

    Args:
        config: A config with ``val_dataloader`` (or ``test_dataloader``) and a target of training.
        split: Split to take instead of the val data set's own, like 'train'.

    Raises:
        ValueError: If the config has no labelled frames, or its data set no splits where one is asked for.
        NoFrameBeforeError: If the data set knows no frames before its labelled ones.

    Attributes:
        metainfo: The data set's classes and palette.
    """

    def __init__(self, config: Config, split: str | None = None) -> None:
        loader = config.get('val_dataloader') or config.get('test_dataloader')
        if not loader:
            raise ValueError('the config has no val_dataloader and no test_dataloader: there are no labelled frames')
        settings = dict(loader.dataset, lazy_init=False)
        takes = inspect.signature(DATASETS.get(settings['type'])).parameters
        if split is not None and 'split' not in takes:
            raise ValueError(f'{settings["type"]} of val_dataloader.dataset has no splits, so that there is no {split}')
        if split is not None:
            settings['split'] = split
            for key in ('data_prefix', 'ann_file'):  # they name the folders and the list of the other split
                settings.pop(key, None)
        self._labelled: Any = DATASETS.build(settings)
        self.metainfo: dict[str, Any] = self._labelled.metainfo
        settings.pop('previous_frame', None)  # a pair has it in any case
        target = config.train_dataloader.dataset.target
        settings.update({key: target[key] for key in ('frames', 'pipeline') if key in target})
        settings['pipeline'] = without_flow(settings['pipeline'])
        self._pairs: Any = self._built_pairs(settings, 'pairs' in takes)
        self._by_path = {self._pairs.get_data_info(i)['img_path']: i for i in range(len(self._pairs))}

    def _built_pairs(self, settings: dict[str, Any], knows_pairs: bool) -> Any:
        if knows_pairs:
            return DATASETS.build(dict(settings, pairs='labelled'))
        frames = settings.pop('frames', 2)
        if not isinstance(self._labelled, RawLabelDataset) or frames > 2:
            raise NoFrameBeforeError(f'{settings["type"]} of val_dataloader.dataset knows no {frames - 1} before one')
        try:
            return DATASETS.build(dict(settings, previous_frame=True))
        except FileNotFoundError as error:
            raise NoFrameBeforeError(str(error)) from error

    def __len__(self) -> int:
        """Number of labelled frames."""
        return len(self._labelled)

    def __getitem__(self, index: int) -> LabelledPair:
        """Read a labelled frame with those before it.

        Raises:
            IndexError: If there is no such frame.
            FileNotFoundError: If no frame before it exists.
        """
        if not 0 <= index < len(self):
            raise IndexError(f'labelled frame {index} is not in 0..{len(self) - 1}')
        path = self._labelled.get_data_info(index)['img_path']
        if path not in self._by_path:
            raise FileNotFoundError(f'{path} makes no pair: there is no frame before it')
        position = self._by_path[path]
        labels = self._labelled[index]['data_samples'].gt_sem_seg.data[0].numpy().astype(np.uint8)
        before = self._pairs.get_data_info(position)['frame_paths'][-2]
        return LabelledPair(path, _as_target(self._pairs[position]), labels, before)


class UnlabelledPairs:
    """The pairs of a config's target of training, in its order, for configs without labelled frames.

    Args:
        config: A config with a target of training.

    Raises:
        ValueError: If it has none.

    Attributes:
        metainfo: The data set's classes and palette.
    """

    def __init__(self, config: Config) -> None:
        target = ((config.get('train_dataloader') or {}).get('dataset') or {}).get('target')
        if target is None:
            raise ValueError('the config has no labelled frames to test on, and no target of training')
        self._pairs: Any = DATASETS.build(dict(target, lazy_init=False, pipeline=without_flow(target['pipeline'])))
        self.metainfo: dict[str, Any] = self._pairs.metainfo

    def __len__(self) -> int:
        """Number of pairs."""
        return len(self._pairs)

    def __getitem__(self, index: int) -> LabelledPair:
        """Read a pair."""
        if not 0 <= index < len(self):
            raise IndexError(f'pair {index} is not in 0..{len(self) - 1}')
        info = self._pairs.get_data_info(index)
        before, path = info['frame_paths'][-2:] if 'frame_paths' in info else (None, info['img_path'])
        return LabelledPair(path, _as_target(self._pairs[index]), None, before)


def pairs_of(config: Config, split: str | None = None) -> LabelledPairs | UnlabelledPairs:
    """The labelled frames of a config, or, where it has none or these are single ones, the pairs that it trains on."""
    if config.get('val_dataloader') or config.get('test_dataloader'):
        try:
            return LabelledPairs(config, split)
        except NoFrameBeforeError as error:
            reason = str(error).partition('\n')[0]
            print_log(f'pairs of the training are drawn, without labels: {reason}', logger='current')
    return UnlabelledPairs(config)


def _as_target(pair: dict[str, Any]) -> dict[str, Any]:
    frames = pair['inputs'][None].float().flip(2)  # pipelines give BGR
    return dict(frames=frames, data_samples=[pair['data_samples']])
