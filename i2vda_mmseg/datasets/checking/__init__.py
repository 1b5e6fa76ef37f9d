"""Whether the data of a config are all there and whole, before days are spent on them."""

from .findings import DataReport, Fault, Summary
from .run import check_data

__all__ = ['DataReport', 'Fault', 'Summary', 'check_data']
