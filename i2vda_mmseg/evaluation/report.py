"""What a test run leaves behind: metrics.json."""

import json
import math
import os
from pathlib import Path
from typing import Any

import mmcv
import mmengine
import mmseg
import torch

from i2vda_mmseg.version import __version__


def write_metrics(path: Path, metrics: dict[str, float], **facts: Any) -> Path:
    """Write the figures of a test run with what is needed to read them.

    Args:
        path: The file; replaced atomically.
        metrics: What the evaluator returned; ``IoU/<class>`` become one table ``IoU`` by class name, as do others with
            a slash.
        **facts: What the figures are about: protocol, checkpoint, config.

    Returns:
        The file.
    """
    figures = {name: _plain(value) for name, value in metrics.items()}
    report: dict[str, Any] = dict(facts)
    report.update({name: value for name, value in figures.items() if '/' not in name})
    report['IoU'] = {}
    for name, value in figures.items():
        table, slash, row = name.partition('/')
        if slash:
            report.setdefault(table, {})[row] = value
    report['versions'] = {
        'i2vda_mmseg': __version__,
        'torch': torch.__version__,
        'mmengine': mmengine.__version__,
        'mmcv': mmcv.__version__,
        'mmseg': mmseg.__version__,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix('.tmp')
    draft.write_text(json.dumps(report, indent=2, allow_nan=False) + '\n', encoding='utf-8')
    os.replace(draft, path)
    return path


def _plain(value: Any) -> float | int | None:
    """Turn a figure into JSON: None where there is none, as for a class that occurs nowhere."""
    if isinstance(value, int):
        return value
    value = float(value)
    return value if math.isfinite(value) else None
