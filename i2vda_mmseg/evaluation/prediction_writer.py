"""Predictions on disk."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.evaluator import BaseMetric
from mmseg.registry import METRICS

from i2vda_mmseg.fileio.atomic import require_another_file
from i2vda_mmseg.fileio.images import write_image


@METRICS.register_module()
class PredictionWriter(BaseMetric):
    """Writes each prediction as a PNG file of class indices, in the folders that the images have below their root.

    A metric only because the test loop hands predictions to metrics; it gives no figure.

    Args:
        out: The folder to write to.
        data_root: ``<data_root>/<folders>/<name>.<ending>`` becomes ``<out>/<folders>/<name>.png``. An image that lies
            elsewhere, or any where there is no root, becomes ``<out>/<name>.png``.
        **kwargs: Those of ``BaseMetric``.

    Raises:
        ValueError: If two images would be written to one file, or a prediction over an image that is read.
    """

    def __init__(self, out: str, data_root: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.out = out
        self.data_root = data_root
        self._written: dict[Path, str] = {}

    def process(self, data_batch: Any, data_samples: Sequence[dict]) -> None:
        """Write a batch."""
        for sample in data_samples:
            path, image = self.path_of(sample['img_path']), str(sample['img_path'])
            if self._written.setdefault(path, image) != image:
                raise ValueError(
                    f'{path} would hold the predictions of two images, {self._written[path]} and {image}; write to a '
                    'folder a data set, or give PredictionWriter the data_root that both lie below'
                )
            require_another_file(path, image, 'the image that is read')
            labels = sample['pred_sem_seg']['data'].squeeze(0).cpu().numpy()
            write_image(path, (labels + 1 if sample.get('reduce_zero_label') else labels).astype(np.uint8))

    def path_of(self, image: str) -> Path:
        """Give the file of an image's prediction."""
        below = os.path.basename(image)
        if self.data_root is not None:
            relative = os.path.relpath(image, self.data_root)
            below = below if relative.startswith(os.pardir) else relative
        return Path(self.out, below).with_suffix('.png')

    def evaluate(self, size: int) -> dict[str, float]:
        """Give no figures; the next test may write the same files again."""
        self._written.clear()
        return {}

    def compute_metrics(self, results: list) -> dict[str, float]:
        """Give no figures."""
        return {}
