"""What a test run leaves behind: metrics.json."""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import mmcv
import mmengine
import mmseg
import torch

from i2vda_mmseg.fileio.atomic import write_atomically
from i2vda_mmseg.version import __version__


def write_metrics(path: Path, metrics: dict[str, float], **facts: Any) -> Path:
    """Write the figures of a test run with what is needed to read them.

    Args:
        path: The file, which is the old one or the new one, whole.
        metrics: What the evaluator returned; ``IoU/<class>`` become one table ``IoU`` by class name, as do others with
            a slash.
        **facts: What the figures are about: protocol, checkpoint, config. What JSON has no form for, as a path or an
            infinite setting, is written as text: the figures of a long test do not depend on it.
    """
    figures = {name: plain_figure(value) for name, value in metrics.items()}
    report: dict[str, Any] = _fact(facts)
    report.update({name: value for name, value in figures.items() if '/' not in name})
    report['IoU'] = {}
    for name, value in figures.items():
        table, slash, row = name.partition('/')
        if slash and isinstance(report.setdefault(table, {}), dict):
            report[table][row] = value
        elif slash:  # what the table would be called is taken by a single figure or fact
            report[name] = value
    report['versions'] = versions()
    write_atomically(json.dumps(report, indent=2, allow_nan=False) + '\n', path)
    return path


def versions() -> dict[str, str]:
    """Versions of the packages that a figure depends on."""
    return dict(i2vda_mmseg=__version__) | {each.__name__: each.__version__ for each in (torch, mmengine, mmcv, mmseg)}


def plain_figure(value: Any) -> Any:
    """Turn a figure into JSON: None where there is none, as for a class that occurs nowhere."""
    try:
        value = value if isinstance(value, int) else float(value)
    except (TypeError, ValueError):  # a metric of another package may return anything
        return _fact(value)
    return value if math.isfinite(value) else None


def _fact(value: Any) -> Any:
    """Turn anything into JSON, what has no form there as text."""
    if isinstance(value, Mapping):
        return {str(key): _fact(part) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [_fact(part) for part in value]
    is_known = value is None or isinstance(value, (str, int)) or (isinstance(value, float) and math.isfinite(value))
    return value if is_known else str(value)
