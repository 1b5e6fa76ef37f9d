"""From a frame in memory to labels, through a config's own test pipeline."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from mmengine.config import Config, ConfigDict
from mmengine.dataset import Compose, pseudo_collate
from mmengine.registry import init_default_scope
from mmseg.registry import DATASETS, MODELS, TRANSFORMS
from torch import Tensor, nn

from i2vda_mmseg.datasets.transforms.labels import LABEL_STEPS
from i2vda_mmseg.errors import ConfigError
from i2vda_mmseg.models.segmentors.dense_prediction import predict_logits
from i2vda_mmseg.runtime import ProbabilitySmoother
from i2vda_mmseg.runtime.scores import best_labels

from .checkpoints import load_weights

_READING = ('LoadImage', 'LoadImageFromFile', 'LoadFramePair', *LABEL_STEPS)


class FramePredictor:
    """Labels frames one after the other; a network of two frames is given the one before as well.

    Args:
        model: A method or a plain ``EncoderDecoder``, on the device that it is to run on.
        pipeline: Test pipeline of its config; what reads files is left out.
        palette: One RGB colour a class, in 0..255.
    """

    def __init__(self, model: nn.Module, pipeline: list[dict], palette: list[list[int]]) -> None:
        self.model: Any = model.eval()
        predict_logits(model)
        self.palette = palette
        self._two_frames = any(step['type'] == 'LoadFramePair' for step in pipeline)
        # Compose would build from mmengine's registry, which does not know all of mmseg's steps.
        self._pipeline = Compose([TRANSFORMS.build(step) for step in pipeline if step['type'] not in _READING])
        self._previous: np.ndarray | None = None

    @classmethod
    def load(cls, config: str | Config, checkpoint: str | Path, device: str = 'cpu') -> Self:
        """Build the model of a config and load its weights.

        Args:
            config: Of a method, or of a plain ``EncoderDecoder``.
            checkpoint: Of the method, or what ``tools/export.py`` made of it; for a plain config only the latter.
            device: Where the model runs.

        Raises:
            FileNotFoundError: If there is no such config or checkpoint.
            ValueError: If the checkpoint lacks weights of the network, or has them in another shape.
        """
        predictor = cls.build(config, device)
        load_weights(predictor.model, checkpoint)
        return predictor

    @classmethod
    def build(cls, config: str | Config, device: str = 'cpu') -> Self:
        """Build the model of a config, without weights.

        Args:
            config: Of a method, or of a plain ``EncoderDecoder``.
            device: Where the model runs.
        """
        config = Config.fromfile(config) if isinstance(config, str) else config
        init_default_scope(config.get('default_scope', 'mmseg'))
        dataset = find_test_dataset(config)
        model = MODELS.build(model_of(config)).to(device)
        return cls(model, list(dataset.pipeline), read_metainfo(dataset)['palette'])

    def begin_clip(self) -> None:
        """Forget the previous frame: the next one begins another clip."""
        self._previous = None

    @torch.no_grad()
    def __call__(self, frame: np.ndarray) -> Tensor:
        """Label a frame: (H, W), uint8, class indices, on the model's device.

        Args:
            frame: (H, W, 3), uint8, BGR.
        """
        return self._test(frame).pred_sem_seg.data[0].to(torch.uint8)

    @torch.no_grad()
    def probabilities(self, frame: np.ndarray) -> Tensor:
        """Give the probabilities of the classes: (C, H, W), float32, on the model's device; as calling it otherwise."""
        return self._test(frame).seg_logits.data.float().softmax(dim=0)

    def _test(self, frame: np.ndarray) -> Any:
        sample = self.prepare(frame, self._previous)
        self._previous = frame
        return self.model.test_step(pseudo_collate([sample]))[0]

    def prepare(self, frame: np.ndarray, previous: np.ndarray | None = None) -> dict[str, Any]:
        """Bring a frame through the pipeline: ``inputs`` and ``data_samples``, as a data set gives them.

        Args:
            frame: (H, W, 3), uint8, BGR.
            previous: The frame before it, for a network of two frames; None at the start of a clip.
        """
        size = frame.shape[:2]
        results: dict[str, Any] = dict(img_shape=size, ori_shape=size)
        if self._two_frames:
            results.update(frame_0=frame if previous is None else previous, frame_1=frame)
        else:
            results['img'] = frame
        return self._pipeline(results)


class SmoothedPredictor:
    """A ``FramePredictor`` whose labels are those of probabilities averaged along the optical flow.

    Args:
        predictor: Labels single frames.
        smoother: Averages, on the CPU.
    """

    def __init__(self, predictor: FramePredictor, smoother: ProbabilitySmoother) -> None:
        self._predictor, self.smoother, self.palette = predictor, smoother, predictor.palette

    def begin_clip(self) -> None:
        """Forget the frames before."""
        self._predictor.begin_clip()
        self.smoother.begin_clip()

    def __call__(self, frame: np.ndarray) -> Tensor:
        """Label a frame (H, W, 3), uint8, BGR: (H, W), uint8, class indices, on the CPU."""
        probs = self._predictor.probabilities(frame).cpu().numpy()
        return torch.from_numpy(best_labels(self.smoother(probs, frame)))


def model_of(config: Config) -> Mapping[str, Any]:
    """Give the ``model`` of a config.

    Raises:
        ConfigError: If it has none that could be built.
    """
    model = config.get('model')
    if not isinstance(model, Mapping) or 'type' not in model:
        raise ConfigError(f'model: expected a dict with a type, got {model!r}')
    return model


def find_test_dataset(config: Config) -> Any:
    """Config of the data that a config tests on, or validates on; without any, its target through ``test_pipeline``.

    Raises:
        ConfigError: If there is neither.
    """
    for loader in (config.get('test_dataloader'), config.get('val_dataloader')):
        if loader is not None:
            return loader.dataset
    target = ((config.get('train_dataloader') or {}).get('dataset') or {}).get('target')
    if target is None or 'test_pipeline' not in config:
        raise ConfigError(
            'test_dataloader: there is none, nor a val_dataloader, nor a train_dataloader.dataset.target with a '
            'test_pipeline: nothing says how frames are prepared for the network'
        )
    changes: dict[str, Any] = dict(pipeline=config.test_pipeline)
    if 'pairs' in target:
        two_frames = any(step['type'] == 'LoadFramePair' for step in config.test_pipeline)
        changes |= dict(pairs=None, frames=2, stride=1, previous_frame=two_frames)
    return ConfigDict(target, **changes)


def read_metainfo(dataset: Any) -> dict[str, Any]:
    """Classes and colours of a data set, from its config, without reading it."""
    return DATASETS.build(dict(dataset, lazy_init=True)).metainfo
