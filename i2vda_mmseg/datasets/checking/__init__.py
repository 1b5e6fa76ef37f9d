"""Whether the data of a config are all there and whole, before days are spent on them."""

from .report import Fault, Report, Summary
from .run import check_config

__all__ = ['Fault', 'Report', 'Summary', 'check_config']
