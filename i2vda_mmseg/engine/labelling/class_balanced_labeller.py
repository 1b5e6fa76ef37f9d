"""Pseudo-labels with a share for every class."""

import json
from pathlib import Path
from typing import Any

import torch
from mmengine.dist import all_reduce, is_main_process
from mmengine.runner import Runner
from mmseg.registry import TASK_UTILS
from torch import Tensor

from i2vda_mmseg.fileio.atomic import write_atomically
from i2vda_mmseg.fileio.pseudo_labels import write_labels, write_rare_classes, write_soft_labels
from i2vda_mmseg.models.wrappers import unwrapped
from i2vda_mmseg.ops import IGNORE_INDEX, ConfidenceHistogram, class_balanced_labels, class_balanced_soft_labels

from .labeller import Labeller


@TASK_UTILS.register_module()
class ClassBalancedLabeller(Labeller):
    """Labels the most confident ``portion`` of each class: CBST (Zou et al., ECCV 2018) and CRST (ICCV 2019).

    All frames are predicted twice: once to find the thresholds k_c, from a histogram of the confidences, which takes
    the same memory for any number of frames; and once to label. Beside the labels of the frames it writes
    ``thresholds.json`` and ``rare_classes.json`` (for ``RareClassCrop``).

    Args:
        portion: Share of each class's pixels to label; 0.2 in the first round of CRST.
        alpha: Weight of the label entropy. 0: hard labels, as in CBST and MRKLD. Positive (0.25 in CRST's LRENT): soft
            labels as well, and the selection that belongs to them.
        stride: Of the confidences of each class and frame, one in ``stride`` is counted.
        rare_share: A class is rare that has a smaller share of the predicted pixels.
        **kwargs: ``scales`` and ``flip`` of ``Labeller``; CRST predicts at scale 0.9 and mirrors.
    """

    def __init__(
        self, portion: float, alpha: float = 0.0, stride: int = 4, rare_share: float = 0.001, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.portion = portion
        self.alpha = alpha
        self.stride = stride
        self.rare_share = rare_share

    def __call__(self, runner: Runner, folder: str) -> None:
        """Find the thresholds, then label."""
        frames = self.frames(runner, folder)
        histogram, predicted = self._survey(runner, frames)
        thresholds = histogram.thresholds(self.portion)
        labelled = torch.zeros(len(thresholds) + 1, dtype=torch.int64)
        for index, probs in self.predictions(runner, frames, 'pseudo-labels'):
            labels = self._label(frames.get_data_info(index)['pseudo_label_path'], probs, thresholds)
            labelled += (
                labels.where(labels != IGNORE_INDEX, len(thresholds)).flatten().bincount(minlength=len(labelled))
            )
        all_reduce(labelled)
        share = labelled[:-1].sum() / labelled.sum()
        rounded = [round(value, 4) for value in thresholds.tolist()]
        runner.logger.info(f'{share:.1%} of the pixels labelled; thresholds {rounded}')
        if is_main_process():
            rare = predicted < self.rare_share * predicted.sum()
            write_rare_classes(folder, rare.nonzero().flatten().tolist())
            report = dict(thresholds=thresholds.tolist(), predicted=predicted.tolist(), labelled=labelled[:-1].tolist())
            write_atomically(json.dumps(report), Path(folder, 'thresholds.json'))

    def _survey(self, runner: Runner, frames: Any) -> tuple[ConfidenceHistogram, Tensor]:
        """Count the confidences and the pixels of each class, over all ranks."""
        num_classes = unwrapped(runner.model).num_classes
        histogram = ConfidenceHistogram(num_classes)
        predicted = torch.zeros(num_classes, dtype=torch.int64)
        for _, probs in self.predictions(runner, frames, 'confidences'):
            confidence, labels = (values.cpu() for values in probs.max(dim=1))
            predicted += labels.flatten().bincount(minlength=num_classes)
            sample = _every(labels, self.stride)
            histogram.add(confidence.flatten()[sample], labels.flatten()[sample])
        for counts in (histogram.counts, predicted):
            all_reduce(counts)
        all_reduce(histogram.lowest, op='min')
        return histogram, predicted

    def _label(self, path: str, probs: Tensor, thresholds: Tensor) -> Tensor:
        """Write the labels of a frame and give them, (1, H, W)."""
        if not self.alpha:
            labels = class_balanced_labels(probs, thresholds).cpu()
        else:
            soft_labels, selected = class_balanced_soft_labels(probs, thresholds, self.alpha)
            labels = soft_labels.argmax(dim=1).masked_fill(~selected, IGNORE_INDEX).cpu()
            write_soft_labels(path, (soft_labels * selected[:, None])[0].cpu().numpy())
        write_labels(path, labels[0].numpy())
        return labels


def _every(labels: Tensor, stride: int) -> Tensor:
    """Indices of the first, the ``stride + 1``-th, ... pixel of each class, so that small classes are met as well."""
    by_class = labels.flatten().argsort(stable=True)
    counts = labels.flatten().bincount()
    rank_in_class = torch.arange(len(by_class)) - (counts.cumsum(0) - counts).repeat_interleave(counts)
    return by_class[rank_in_class % stride == 0]
