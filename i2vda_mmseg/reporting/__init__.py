"""Finished runs, read from their work dirs and shown on one page."""

from .build import build_report
from .page import ReportOptions
from .run_record import RunRecord, read_run

__all__ = ['ReportOptions', 'RunRecord', 'build_report', 'read_run']
