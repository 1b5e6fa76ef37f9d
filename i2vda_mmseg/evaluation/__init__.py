"""What a number means."""

from .domain_iou_metric import DomainIoUMetric
from .protocols import PROTOCOLS, Protocol

__all__ = ['PROTOCOLS', 'DomainIoUMetric', 'Protocol']
