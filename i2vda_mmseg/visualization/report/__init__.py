"""A report of runs as one HTML page that needs no network."""

from .charts import Chart, Curve, draw_chart
from .content import ClipPlayer, Legend, ReportContent, RunHead, Sample, Track
from .figures import FactRow, FigureTable, fact_rows, figure_tables
from .page import render_report
from .pictures import Picture, encode_labels, encode_photo, encode_sharp, shrink

__all__ = [
    'Chart',
    'ClipPlayer',
    'Curve',
    'FactRow',
    'FigureTable',
    'Legend',
    'Picture',
    'ReportContent',
    'RunHead',
    'Sample',
    'Track',
    'draw_chart',
    'encode_labels',
    'encode_photo',
    'encode_sharp',
    'fact_rows',
    'figure_tables',
    'render_report',
    'shrink',
]
