"""Frames of the target as training sees them, with their labels if there are any, and as each run sees them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
import torch
from mmengine.config import Config
from mmseg.registry import DATASETS, MODELS

from i2vda_mmseg.datasets.transforms.flow import without_flow
from i2vda_mmseg.engine.checkpoints import load_weights
from i2vda_mmseg.engine.frame_predictor import model_of
from i2vda_mmseg.engine.panels import target_cells
from i2vda_mmseg.fileio.frame_source import spread
from i2vda_mmseg.models.segmentors import DomainAdaptiveSegmentor
from i2vda_mmseg.visualization import label_to_rgb

from .page import Legend, Sample
from .pictures import Picture, encode_photo, encode_sharp, shrink

_MAX_WIDTH = 512
_SHARED = ('Frame I_{0}', 'Frame I_{1}')
_DRAWN_T = 0.5  # training draws t anew each iteration; a picture shows the frame half way
_TRUTH = 'Ground truth of I_{1}'


class LabelledPair(NamedTuple):
    """Two frames and the labels of the later one, if it has any."""

    path: str  # file of the later frame
    # ``dict(frames=(1, T, 3, H, W) float32 RGB 0..255, data_samples)``, as a method's preprocessor makes it
    target: dict[str, Any]
    labels: np.ndarray | None  # (H, W), uint8, class indices and 255 = ignored


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
        target = _as_target(self._pairs[self._by_path[path]])
        height, width = target['frames'].shape[-2:]
        labels = self._labelled[index]['data_samples'].gt_sem_seg.data[0].numpy().astype(np.uint8)
        labels = cv2.resize(labels, (width, height), interpolation=cv2.INTER_NEAREST)
        return LabelledPair(path, target, labels)


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
        path = info['frame_paths'][-1] if 'frame_paths' in info else info['img_path']
        return LabelledPair(path, _as_target(self._pairs[index]), None)


def pairs_of(config: Config, split: str | None = None) -> LabelledPairs | UnlabelledPairs:
    """The labelled frames of a config, or else the pairs that it trains on."""
    is_labelled = config.get('val_dataloader') or config.get('test_dataloader')
    return LabelledPairs(config, split) if is_labelled else UnlabelledPairs(config)


def _as_target(pair: dict[str, Any]) -> dict[str, Any]:
    frames = pair['inputs'][None].float().flip(2)  # pipelines give BGR
    return dict(frames=frames, data_samples=[pair['data_samples']])


class RunSamples(NamedTuple):
    """What one run makes of the frames."""

    # ``(name of the frame, what all runs see, what this one makes of it)``
    frames: list[tuple[str, list[Picture], list[Picture]]]
    legend: Legend  # its classes and their colours


def draw_samples(config: Config, checkpoint: Path, count: int, device: str = 'cpu') -> RunSamples:
    """Draw labelled frames, evenly from all over the val data set, or pairs of the target where none is labelled.

    Raises:
        ValueError: If the config builds no method of this package.
        FileNotFoundError: If data are missing.
    """
    model = _build(config, checkpoint, device)
    pairs = pairs_of(config)
    meta = pairs.metainfo
    frames = []
    for index in spread(range(len(pairs)), count):
        pair = pairs[index]
        frames.append(
            (Path(pair.path).stem.removesuffix('_leftImg8bit'), *_pictures(model, pair, meta['palette'], device))
        )
    return RunSamples(frames, [*zip(meta['classes'], meta['palette'])])


def gather(runs: Sequence[RunSamples | None]) -> list[Sample]:
    """Put what several runs make of the same frames below each other; what all of them see is shown once."""
    shared: dict[str, list[Picture]] = {}
    rows: dict[str, list[tuple[int, list[Picture]]]] = {}
    for run, samples in enumerate(runs):
        for name, seen, own in samples.frames if samples else []:
            extra = [] if shared.setdefault(name, seen) == seen else seen  # read at another size, or other frames
            rows.setdefault(name, []).append((run, [*extra, *own]))
    return [Sample(name, shared[name], rows[name]) for name in rows]


def _build(config: Config, checkpoint: Path, device: str) -> Any:
    model = MODELS.build(model_of(config))
    if not isinstance(model, DomainAdaptiveSegmentor):
        raise ValueError(f'panels are drawn of methods of this package, and the config builds {type(model).__name__}')
    load_weights(model, checkpoint)
    if model.temporal is not None and model.temporal.temporal_augmentation is not None:
        model.temporal.temporal_augmentation.t = _DRAWN_T
    return model.to(device).eval()


def _pictures(model: Any, pair: LabelledPair, palette: list, device: str) -> tuple[list[Picture], list[Picture]]:
    target = dict(pair.target, frames=pair.target['frames'].to(device))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        cells, sharp = target_cells(model, target, palette)
    if pair.labels is not None:
        cells.append((_TRUTH, label_to_rgb(pair.labels, palette)))
    pictures = {caption: _picture(caption, image, caption in {*sharp, _TRUTH}) for caption, image in cells}
    seen = [pictures.pop(caption) for caption in (_TRUTH, *_SHARED) if caption in pictures]
    own = sorted(pictures.values(), key=lambda picture: not picture.caption.startswith('Prediction'))
    return seen, own  # predictions first, so that those of all runs are in one column, below the ground truth


def _picture(caption: str, image: np.ndarray, is_sharp: bool) -> Picture:
    image = shrink(image, _MAX_WIDTH, is_sharp)
    uri = encode_sharp(image) if is_sharp else encode_photo(image)
    return Picture(caption, uri, image.shape[1], image.shape[0], is_sharp)
