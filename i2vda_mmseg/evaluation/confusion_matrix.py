"""Which class is taken for which."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from mmengine.evaluator import BaseMetric
from mmseg.registry import METRICS
from torch import Tensor

from i2vda_mmseg.fileio.atomic import write_atomically


@METRICS.register_module()
class ConfusionMatrix(BaseMetric):
    """Counts, over the whole set, the pixels of each class that are predicted as each class, and writes them as JSON.

    The file holds ``classes`` and ``counts``: a row a class of the labels, a column a class predicted, whole numbers.

    Args:
        out: The file.
        ignore_index: Label that does not count.
        **kwargs: Those of ``BaseMetric``.
    """

    default_prefix = None

    def __init__(self, out: str, ignore_index: int = 255, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.out = out
        self.ignore_index = ignore_index

    def process(self, data_batch: Any, data_samples: Sequence[dict]) -> None:
        """Count a batch."""
        for sample in data_samples:
            label = sample['gt_sem_seg']['data'].flatten().long()
            predicted = sample['pred_sem_seg']['data'].flatten().to(label)
            self.results.append(confusion(label, predicted, len(self.dataset_meta['classes']), self.ignore_index).cpu())

    def compute_metrics(self, results: list[Tensor]) -> dict[str, float]:
        """Write the matrix; gives the share of the pixels that are right, in percent."""
        counts = torch.stack(results).sum(0)
        content = dict(classes=list(self.dataset_meta['classes']), counts=counts.tolist())
        write_atomically(json.dumps(content) + '\n', Path(self.out))
        return {'pixel_accuracy': float(100 * counts.diag().sum() / counts.sum())}


def confusion(label: Tensor, predicted: Tensor, classes: int, ignore_index: int = 255) -> Tensor:
    """Count the pixels of each class that are predicted as each class.

    Args:
        label: (N,), int64, 0..classes-1 or ``ignore_index``.
        predicted: (N,), int64, 0..classes-1.
        classes: How many.
        ignore_index: Label that does not count.

    Returns:
        (classes, classes), int64: a row a label, a column a prediction.

    Example:
        >>> confusion(torch.tensor([0, 0, 1, 255]), torch.tensor([0, 1, 1, 0]), 2)
        tensor([[1, 1],
                [0, 1]])
    """
    valid = label != ignore_index
    return torch.bincount(label[valid] * classes + predicted[valid], minlength=classes**2).view(classes, classes)
