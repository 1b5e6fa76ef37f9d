"""The first minute on a GPU: whether it computes what a CPU does, how fast, and in how much memory."""

from .check import Check, check_gpu
from .report import as_markdown

__all__ = ['Check', 'as_markdown', 'check_gpu']
