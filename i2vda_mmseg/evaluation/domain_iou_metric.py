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
    metrics; ``mIoU`` is the mean over the reported classes that occur. All in percent.

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
        intersect, union = (sum(column).double().numpy() for column in list(zip(*results))[:2])
        with np.errstate(invalid='ignore'):  # 0/0 where a class occurs neither in labels nor in predictions
            iou = dict(zip(self._classes(), 100 * intersect / union))
        for name in PROTOCOLS[self.protocol].not_reported:
            del iou[name]
        metrics['mIoU'] = float(np.nanmean(list(iou.values())))
        return metrics | {f'IoU/{name}': float(value) for name, value in iou.items()}

    def _classes(self) -> tuple[str, ...]:
        classes = tuple(self.dataset_meta['classes'])
        protocol = PROTOCOLS[self.protocol]
        if len(classes) != protocol.trained or not set(protocol.not_reported) <= set(classes):
            raise ValueError(
                f'protocol {self.protocol!r} is about {protocol.trained} classes ({protocol.description}), but the '
                f'data set has {len(classes)}: {", ".join(classes)}'
            )
        return classes
