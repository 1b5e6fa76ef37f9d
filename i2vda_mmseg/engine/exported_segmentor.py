"""An export in the place of the network that it was made of, to be tested by the same runner."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.model import BaseModel
from mmengine.structures import PixelData
from mmseg.registry import MODELS
from torch import Tensor

from i2vda_mmseg.runtime import SUFFIXES, ExportedNetwork, FrameLabeller, RuntimeOptions, open_network

from .executorch_program import EXECUTORCH_SUFFIX, open_executorch
from .exported_program import SUFFIX, open_program


@MODELS.register_module()
class ExportedSegmentor(BaseModel):
    """Labels frames as ``tools/segment_video.py`` does with an export: its own resizing, its own runtime.

    Args:
        path: ``.onnx``, ``.xml``, ``.pt2`` or ``.pte``, see ``open_export``.
        threads: Of the runtime; None: its own choice.

    Attributes:
        labeller: Labels a frame.
    """

    def __init__(self, path: str, threads: int | None = None) -> None:
        super().__init__()
        self.path, self.threads = path, threads
        self.labeller = FrameLabeller(open_export(path, RuntimeOptions(threads=threads)))

    def forward(self, inputs: Any, data_samples: list | None = None, mode: str = 'predict') -> Any:
        """Label frames as they are on disk: a batch of (3, H, W), uint8, BGR, each with its data sample.

        Raises:
            ValueError: In another mode: an export learns nothing.
        """
        if mode != 'predict' or data_samples is None:
            raise ValueError(f'{self.path} is an export, which predicts; mode {mode!r} is for training')
        for frame, sample in zip(inputs, data_samples):
            labels = self.labeller(_array(frame))
            sample.set_data(dict(pred_sem_seg=PixelData(data=torch.from_numpy(labels)[None].long())))
        return data_samples


def open_export(path: str | Path, options: RuntimeOptions = RuntimeOptions()) -> ExportedNetwork:  # noqa: B008
    """Load an export of any format; errors as of ``open_network`` and ``open_program``."""
    openers = {SUFFIX: open_program, EXECUTORCH_SUFFIX: open_executorch}
    return openers.get(Path(path).suffix, open_network)(path, options)


def is_export(path: str | Path) -> bool:
    """Whether a file's name is that of an export, and not of a checkpoint."""
    return Path(path).suffix in {*SUFFIXES, SUFFIX, EXECUTORCH_SUFFIX}


def _array(frame: Tensor) -> np.ndarray:
    return np.ascontiguousarray(frame.cpu().numpy().transpose(1, 2, 0))
