"""Mean IoU under a named protocol."""

import logging
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from mmengine.logging import print_log
from mmseg.evaluation import IoUMetric
from mmseg.registry import METRICS
from torch import Tensor

from i2vda_mmseg.datasets.class_spaces import CITYSCAPES_RAW_IDS
from i2vda_mmseg.datasets.label_ids import look_like_train_ids

from .clip_counts import ClipCounts, clips_of_images
from .prediction_writer import PredictionWriter
from .protocols import protocol_named, require_classes, require_labels

IOU_METRICS = ('mIoU', 'mDice', 'mFscore')


@METRICS.register_module()
class DomainIoUMetric(IoUMetric):
    """mmseg's ``IoUMetric``, reported for the classes of a protocol and by class.

    Counts one confusion over the whole set, as Cityscapes does. Means (``mIoU``, ``mAcc``, ``mDice``, ``mFscore``,
    ``mPrecision``, ``mRecall``, by ``iou_metrics``) are over the reported classes that occur; ``IoU/<class>``,
    ``Dice/<class>`` and ``Fscore/<class>`` are added for each reported class. ``aAcc`` is over all pixels with a label.
    All in percent. A class without a hit counts as 0, for the F-score as well, of which mmseg's mean leaves it out.

    Args:
        protocol: A name of ``i2vda_mmseg.evaluation.PROTOCOLS``.
        iou_metrics: Some of 'mIoU', 'mDice' and 'mFscore'.
        output_dir: Folder for the predictions, see ``PredictionWriter``; None writes none.
        **kwargs: Those of ``IoUMetric``; ``nan_to_num`` is what a class that does not occur counts as.

    Raises:
        ValueError: If the protocol or a metric is unknown, or the data set's classes, ignored label ids or label sizes
            are not the protocol's.

    Attributes:
        clip_counts: After an evaluation, on the main process: the pixels of the reported classes by clip; None where
            samples do not name their images.
    """

    def __init__(
        self, protocol: str, iou_metrics: Sequence[str] = ('mIoU',), output_dir: str | None = None, **kwargs: Any
    ) -> None:
        names = [iou_metrics] if isinstance(iou_metrics, str) else list(iou_metrics)
        if not names or not set(names) <= set(IOU_METRICS):
            raise ValueError(f'iou_metrics must be some of {IOU_METRICS}, got {iou_metrics!r}')
        super().__init__(iou_metrics=names, output_dir=output_dir, **kwargs)
        protocol_named(protocol)
        self.protocol = protocol
        self.clip_counts: ClipCounts | None = None
        self._writer = PredictionWriter(output_dir) if output_dir else None

    def process(self, data_batch: Any, data_samples: Sequence[dict]) -> None:
        """Count a batch; the first one that the protocol is not about raises."""
        if self._writer is not None:
            self._writer.process(data_batch, data_samples)
        if self.format_only:
            return
        require_classes(self.protocol, self.dataset_meta)
        require_labels(self.protocol, self.dataset_meta)
        for sample in data_samples:
            self._require_native(sample)
            prediction = sample['pred_sem_seg']['data'].squeeze(0)
            label = sample['gt_sem_seg']['data'].squeeze(0).to(prediction)
            classes = len(self.dataset_meta['classes'])
            areas = self.intersect_and_union(prediction, label, classes, self.ignore_index)
            self.results.append((*areas, str(sample.get('img_path') or '')))

    def compute_metrics(self, results: list) -> dict[str, float]:
        """Compute the metrics of the whole set from each image's areas."""
        if self.format_only:
            return super().compute_metrics(results)
        protocol = protocol_named(self.protocol)
        without = f'; {", ".join(protocol.not_reported)} not in the mean' if protocol.not_reported else ''
        print_log(f'protocol {self.protocol}: {protocol.description}{without}', logger='current')
        metrics = super().compute_metrics([areas for *areas, _ in results])
        # Areas are stored in single precision, whose sums over a data set would be rounded.
        by_image = [torch.stack(column).double() for column in list(zip(*results))[:-1]]
        self.clip_counts = self._counts_by_clip([path for *_, path in results], *by_image[:2])
        areas = [column.sum(0).numpy() for column in by_image]
        self._warn_of_train_ids(areas[-1])
        for name, shares in self._shares(*areas).items():
            if f'm{name}' in metrics:
                reported = self._reported(shares)
                metrics[f'm{name}'] = float(np.nanmean(list(reported.values())))
                if f'm{name}' in self.metrics:
                    metrics |= {f'{name}/{label}': value for label, value in reported.items()}
        return metrics

    def _counts_by_clip(self, paths: list[str], intersect: Tensor, union: Tensor) -> ClipCounts | None:
        if not all(paths):
            return None
        protocol = protocol_named(self.protocol)
        kept = [protocol.classes.index(name) for name in protocol.reported]
        columns = dict(intersection=intersect[:, kept].numpy(), union=union[:, kept].numpy())
        absent = None if self.nan_to_num is None else float(self.nan_to_num)
        whole = {name: areas.round().astype(np.int64) for name, areas in columns.items()}
        return ClipCounts.of(clips_of_images(paths), protocol.reported, whole, absent)

    def _shares(
        self, intersect: np.ndarray, union: np.ndarray, predicted: np.ndarray, label: np.ndarray
    ) -> dict[str, np.ndarray]:
        """Give each measure of each class; NaN for a class that does not occur."""
        with np.errstate(invalid='ignore'):  # 0/0
            precision, recall, weight = intersect / predicted, intersect / label, self.beta**2
            return dict(
                IoU=intersect / union,
                Acc=recall,
                Dice=2 * intersect / (predicted + label),
                Fscore=(1 + weight) * intersect / (predicted + weight * label),
                Precision=precision,
                Recall=recall,
            )

    def _reported(self, shares: np.ndarray) -> dict[str, float]:
        """Give the share in percent by class, without those that the protocol does not report."""
        protocol = protocol_named(self.protocol)
        known = shares if self.nan_to_num is None else np.nan_to_num(shares, nan=self.nan_to_num)
        by_name = dict(zip(protocol.classes, (100 * known).tolist()))
        return {name: by_name[name] for name in protocol.reported}

    def _warn_of_train_ids(self, labelled: np.ndarray) -> None:
        """Say so where labels that are read as label ids of Cityscapes hold what train ids would look like."""
        label_map = self.dataset_meta.get('label_map') or {}
        seen = {raw for raw, index in label_map.items() if index < len(labelled) and labelled[index]}
        if set(label_map) == set(CITYSCAPES_RAW_IDS.values()) and look_like_train_ids(seen):
            print_log(
                f'the labels hold no other ids with a class than {sorted(seen)}: these look like train ids, but were '
                "read as label ids; set label_ids='trainIds' in the data set if they are",
                logger='current',
                level=logging.WARNING,
            )

    def _require_native(self, sample: dict) -> None:
        shape, native = tuple(sample['gt_sem_seg']['data'].shape[-2:]), sample.get('ori_shape')
        if native is not None and shape != tuple(native):
            raise ValueError(
                f'protocol {self.protocol!r} compares at the native size of the labels, {native} (H, W), but the label '
                f'of {sample.get("img_path")} comes as {shape}; load labels after Resize in the test pipeline'
            )
