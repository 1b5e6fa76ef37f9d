"""Pairs of frames of the target, with the labels of the later one if there are any."""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from mmengine.config import Config
from mmseg.registry import DATASETS

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


class LabelledPairs:
    """The labelled frames of a config's val data set, in its order.

    The frames go through the pipeline of the training's target, so that they have the size that the model is trained
    on; the labels go through the pipeline of the val data set, which leaves them in their own size.

    Args:
        config: A config with ``val_dataloader`` (or ``test_dataloader``) and a target of training.
        split: Split to take instead of the val data set's own, like 'train'.

    Raises:
        ValueError: If the config has no labelled frames.

    Attributes:
        metainfo: The data set's classes and palette.
    """

    def __init__(self, config: Config, split: str | None = None) -> None:
        loader = config.get('val_dataloader') or config.get('test_dataloader')
        if not loader:
            raise ValueError('the config has no val_dataloader and no test_dataloader: there are no labelled frames')
        settings = dict(loader.dataset, lazy_init=False)
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
        self._pairs: Any = DATASETS.build(dict(settings, pairs='labelled'))
        self._by_path = {self._pairs.get_data_info(i)['img_path']: i for i in range(len(self._pairs))}

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
    """The labelled frames of a config, or else the pairs that it trains on."""
    is_labelled = config.get('val_dataloader') or config.get('test_dataloader')
    return LabelledPairs(config, split) if is_labelled else UnlabelledPairs(config)


def _as_target(pair: dict[str, Any]) -> dict[str, Any]:
    frames = pair['inputs'][None].float().flip(2)  # pipelines give BGR
    return dict(frames=frames, data_samples=[pair['data_samples']])
