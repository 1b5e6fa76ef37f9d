"""Mean IoU under a named protocol."""

from typing import Any

import numpy as np
from mmseg.evaluation import IoUMetric
from mmseg.registry import METRICS

from .protocols import PROTOCOLS


@METRICS.register_module()
class DomainIoUMetric(IoUMetric):
    """mmseg's ``IoUMetric``, reported for the classes of a protocol and by class.

    Counts one confusion over the whole set, as Cityscapes does. Adds ``IoU/<class>`` for each reported class to the
    metrics; ``mIoU`` and ``mAcc`` are means over the reported classes that occur. All in percent.

    Args:
        protocol: A name of ``i2vda_mmseg.evaluation.PROTOCOLS``.
        **kwargs: Those of ``IoUMetric``.

    Raises:
        ValueError: If the protocol is unknown, or does not fit the data set's classes.
    """

    def __init__(self, protocol: str, **kwargs: Any) -> None:
        super().__init__(iou_metrics=['mIoU'], **kwargs)
        if protocol not in PROTOCOLS:
            raise ValueError(f'protocol must be one of {sorted(PROTOCOLS)}, got {protocol!r}')
        self.protocol = protocol

    def compute_metrics(self, results: list) -> dict[str, float]:
        """Compute the metrics of the whole set from each image's areas."""
        metrics = super().compute_metrics(results)
        if self.format_only:
            return metrics
        intersect, union, _, label = (sum(column).double().numpy() for column in zip(*results))
        iou, accuracy = self._reported(intersect, union), self._reported(intersect, label)
        metrics['mIoU'] = float(np.nanmean(list(iou.values())))
        metrics['mAcc'] = float(np.nanmean(list(accuracy.values())))
        return metrics | {f'IoU/{name}': value for name, value in iou.items()}

    def _reported(self, part: np.ndarray, whole: np.ndarray) -> dict[str, float]:
        """Give the share in percent by class, without those that the protocol does not report."""
        with np.errstate(invalid='ignore'):  # 0/0 where a class does not occur
            shares = dict(zip(self._classes(), (100 * part / whole).tolist()))
        return {name: share for name, share in shares.items() if name not in PROTOCOLS[self.protocol].not_reported}

    def _classes(self) -> tuple[str, ...]:
        classes = tuple(self.dataset_meta['classes'])
        protocol = PROTOCOLS[self.protocol]
        if len(classes) != protocol.trained or not set(protocol.not_reported) <= set(classes):
            raise ValueError(
                f'protocol {self.protocol!r} is about {protocol.trained} classes ({protocol.description}), but the '
                f'data set has {len(classes)}: {", ".join(classes)}'
            )
        return classes
