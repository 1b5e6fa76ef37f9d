"""Mean IoU under a named protocol."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from mmengine.logging import print_log
from mmseg.evaluation import IoUMetric
from mmseg.registry import METRICS

from .protocols import protocol_named, require_classes, require_labels


@METRICS.register_module()
class DomainIoUMetric(IoUMetric):
    """mmseg's ``IoUMetric``, reported for the classes of a protocol and by class.

    Counts one confusion over the whole set, as Cityscapes does. Adds ``IoU/<class>`` for each reported class to the
    metrics; ``mIoU`` and ``mAcc`` are means over the reported classes that occur. All in percent.

    Args:
        protocol: A name of ``i2vda_mmseg.evaluation.PROTOCOLS``.
        **kwargs: Those of ``IoUMetric``.

    Raises:
        ValueError: If the protocol is unknown, or the data set's classes, ignored label ids or label sizes are not the
            protocol's.
    """

    def __init__(self, protocol: str, **kwargs: Any) -> None:
        super().__init__(iou_metrics=['mIoU'], **kwargs)
        protocol_named(protocol)
        self.protocol = protocol

    def process(self, data_batch: Any, data_samples: Sequence[dict]) -> None:
        """Count a batch; the first one that the protocol is not about raises."""
        if not self.format_only:
            require_classes(self.protocol, self.dataset_meta)
            require_labels(self.protocol, self.dataset_meta)
            for sample in data_samples:
                self._require_native(sample)
        super().process(data_batch, data_samples)

    def compute_metrics(self, results: list) -> dict[str, float]:
        """Compute the metrics of the whole set from each image's areas."""
        if self.format_only:
            return super().compute_metrics(results)
        protocol = protocol_named(self.protocol)
        without = f'; {", ".join(protocol.not_reported)} not in the mean' if protocol.not_reported else ''
        print_log(f'protocol {self.protocol}: {protocol.description}{without}', logger='current')
        metrics = super().compute_metrics(results)
        # Areas are stored in single precision, whose sums over a data set would be rounded.
        intersect, union, _, label = (torch.stack(column).double().sum(0).numpy() for column in zip(*results))
        iou, accuracy = self._reported(intersect, union), self._reported(intersect, label)
        metrics['mIoU'] = float(np.nanmean(list(iou.values())))
        metrics['mAcc'] = float(np.nanmean(list(accuracy.values())))
        return metrics | {f'IoU/{name}': value for name, value in iou.items()}

    def _reported(self, part: np.ndarray, whole: np.ndarray) -> dict[str, float]:
        """Give the share in percent by class, without those that the protocol does not report."""
        protocol = protocol_named(self.protocol)
        with np.errstate(invalid='ignore'):  # 0/0 where a class does not occur
            shares = dict(zip(protocol.classes, (100 * part / whole).tolist()))
        return {name: shares[name] for name in protocol.reported}

    def _require_native(self, sample: dict) -> None:
        shape, native = tuple(sample['gt_sem_seg']['data'].shape[-2:]), sample.get('ori_shape')
        if native is not None and shape != tuple(native):
            raise ValueError(
                f'protocol {self.protocol!r} compares at the native size of the labels, {native} (H, W), but the label '
                f'of {sample.get("img_path")} comes as {shape}; load labels after Resize in the test pipeline'
            )
