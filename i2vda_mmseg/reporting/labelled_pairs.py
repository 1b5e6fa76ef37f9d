"""Labelled frames with the one before them, as training sees them, with their ground truth."""

from typing import Any, NamedTuple

import cv2
import numpy as np
from mmengine.config import Config
from mmseg.registry import DATASETS


class LabelledPair(NamedTuple):
    """Two frames and the labels of the later one.

    Attributes:
        path: File of the later frame.
        target: ``dict(frames=(1, T, 3, H, W) float32 RGB 0..255, data_samples)``, as a method's preprocessor makes it.
        labels: (H, W), uint8, class indices and 255 = ignored.
    """

    path: str
    target: dict[str, Any]
    labels: np.ndarray


class LabelledPairs:
    """The labelled frames of a config's val data set, in its order.

    The frames go through the pipeline of the training's target, so that they have the size that the model is trained
    on (a pipeline with random crops or flips would move them off the ground truth); the labels go through the pipeline
    of the val data set, and are resized to that size without blending.

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
        pair = self._pairs[self._by_path[path]]
        frames = pair['inputs'][None].float().flip(2)  # pipelines give BGR
        height, width = frames.shape[-2:]
        labels = self._labelled[index]['data_samples'].gt_sem_seg.data[0].numpy().astype(np.uint8)
        labels = cv2.resize(labels, (width, height), interpolation=cv2.INTER_NEAREST)
        return LabelledPair(path, dict(frames=frames, data_samples=[pair['data_samples']]), labels)
