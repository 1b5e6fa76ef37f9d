"""What a number means."""

from .domain_iou_metric import DomainIoUMetric
from .protocols import PROTOCOLS, Protocol
from .report import write_metrics

__all__ = ['PROTOCOLS', 'DomainIoUMetric', 'Protocol', 'write_metrics']
