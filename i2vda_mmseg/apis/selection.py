"""Ranks the checkpoints of a run on frames without labels."""

import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from mmengine.config import Config
from torch import Tensor

from i2vda_mmseg.engine.checkpoints import DamagedCheckpointError, load_weights
from i2vda_mmseg.engine.checkpoints.resuming import iteration_of, numbered_checkpoints
from i2vda_mmseg.engine.frame_predictor import FramePredictor, find_test_dataset, read_metainfo
from i2vda_mmseg.errors import ConfigError
from i2vda_mmseg.evaluation import label_free
from i2vda_mmseg.evaluation.metrics_file import plain_figure, versions
from i2vda_mmseg.fileio.atomic import write_atomically
from i2vda_mmseg.models.segmentors.checkpoint_parts import part_of, state_of
from i2vda_mmseg.reporting.run_record import read_run

from .label_free_probe import LabelFreeProbe
from .launch import load_config
from .unlabelled_frames import choose_frames, source_shares


def find_checkpoints(work_dir: str | Path) -> list[Path]:
    """Find the ``iter_*.pth`` of a work dir, in the order of their iterations; FileNotFoundError if there are none."""
    folder = Path(work_dir)
    if not folder.is_dir():
        raise FileNotFoundError(f'there is no work dir {folder}')
    found = [*numbered_checkpoints(folder).values()]
    if not found:
        raise FileNotFoundError(
            f'{folder} holds no iter_*.pth to choose from; train with --cfg-options '
            'default_hooks.checkpoint.interval=N default_hooks.checkpoint.max_keep_ckpts=-1'
        )
    return found[::-1]


def select_checkpoint(
    work_dir: str | Path,
    config: str | Config | None = None,
    video: str | None = None,
    data: str | None = None,
    frames: int = 120,
    criteria: Sequence[str] = label_free.DEFAULT_CRITERIA,
    device: str = 'cpu',
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, Any]:
    """Rank the checkpoints of a run by the mean of their ranks in criteria that need no labels.

    Collapsed networks (``collapse_reason``), those that predict NaN, and damaged files are excluded, with the reason.

    Args:
        work_dir: Holds ``iter_*.pth``.
        config: Of the run; None: the one in the work dir.
        video: Video file or folder of frames; None: the frames of the config's target.
        data: Data root in place of that of the config's target.
        frames: How many frames to look at, see ``choose_frames``.
        criteria: Names of ``CRITERIA`` that count, each as much as the others. Those that need no passes of their own
            are computed in any case.
        device: Where the networks run.
        progress: Called with the number of checkpoints done, and of all.

    Returns:
        What ``selection.json`` holds: ``checkpoints`` (a row each: ``checkpoint``, ``iteration``, ``criteria``,
        ``effective_classes``, ``class_shift``, ``collapsed``, ``excluded`` with the reason or None, ``mean_rank``,
        ``rank``), ``chosen`` (a file name, or None where all are excluded), ``ranked_by``, ``frames``,
        ``source_shares``, ``versions``.

    Raises:
        FileNotFoundError: If there are no checkpoints, or there is nothing at ``video``.
        ConfigError: If there is no config, or it does not say what is needed.
        ValueError: If a criterion is unknown, a checkpoint does not fit, or frames cannot be read.
    """
    if not criteria or (unknown := [name for name in criteria if name not in label_free.CRITERIA]):
        known = ', '.join(label_free.CRITERIA)
        raise ValueError(f'criteria must be some of {known}; got {", ".join(unknown) or "none"}')
    checkpoints = find_checkpoints(work_dir)
    settings = _config(work_dir, config)
    choice = choose_frames(settings, frames, video, data)
    predictor = FramePredictor.build(settings, device)
    classes = read_metainfo(find_test_dataset(settings))['classes']
    source, source_note = _source(settings, len(classes))
    probe = LabelFreeProbe(predictor, choice.groups)
    rows = []
    for checkpoint in checkpoints:
        rows.append(_row(predictor, probe, checkpoint, criteria, classes, source))
        if progress is not None:
            progress(len(rows), len(checkpoints))
    return dict(
        work_dir=str(work_dir),
        **_ranked(rows, criteria),
        frames=choice.facts,
        source_shares=source_note if source is None else dict(zip(classes, (source / source.sum()).tolist())),
        versions=versions(),
        checkpoints=rows,
    )


def write_selection(selection: dict[str, Any], path: str | Path) -> Path:
    """Write what ``select_checkpoint`` gave as JSON: the old file or the new one, whole."""
    write_atomically(json.dumps(selection, indent=2, allow_nan=False) + '\n', path)
    return Path(path)


def _row(
    predictor: FramePredictor,
    probe: LabelFreeProbe,
    checkpoint: Path,
    criteria: Sequence[str],
    classes: Sequence[str],
    source: Tensor | None,
) -> dict[str, Any]:
    start = time.monotonic()
    row: dict[str, Any] = dict(checkpoint=checkpoint.name, iteration=iteration_of(checkpoint), collapsed=False)
    try:
        state = state_of(load_weights(predictor.model, checkpoint))
        measured = probe.measure(predictor, criteria, 'proxy' in set(map(part_of, state)))
    except (DamagedCheckpointError, label_free.NonFiniteLogitsError) as error:
        is_damaged = isinstance(error, DamagedCheckpointError)
        return row | dict(criteria={}, collapsed=not is_damaged, excluded=str(error))
    reason = label_free.collapse_reason(measured.histogram, classes, source, measured.is_constant)
    shift = None if source is None else label_free.class_shift(measured.histogram, source)
    figures = {name: plain_figure(measured.figures.get(name)) for name in label_free.CRITERIA}
    row.update(criteria=figures, effective_classes=label_free.effective_classes(measured.histogram), class_shift=shift)
    return row | dict(collapsed=reason is not None, excluded=reason, seconds=round(time.monotonic() - start, 3))


def _ranked(rows: list[dict[str, Any]], criteria: Sequence[str]) -> dict[str, Any]:
    """Give each row its rank, and say which is chosen and by what."""
    excluded = {i for i, row in enumerate(rows) if row['excluded']}
    figures = [row['criteria'] for row in rows]
    averages = label_free.rank_averages(figures, criteria, excluded)
    best_first = label_free.order(averages)
    for i, row in enumerate(rows):
        row.update(mean_rank=averages[i], rank=best_first.index(i) + 1 if i in best_first else None)
    shared = label_free.shared_criteria([figures[i] for i in best_first], criteria)
    return dict(chosen=rows[best_first[0]]['checkpoint'] if best_first else None, ranked_by=shared)


def _config(work_dir: str | Path, config: str | Config | None) -> Config:
    if config is not None:
        return config if isinstance(config, Config) else load_config(config)
    record = read_run(work_dir)
    if record.config is None:
        raise ConfigError(f'{work_dir}: {record.missing[-1]}; give the config of the run with --config')
    return record.config


def _source(config: Config, classes: int) -> tuple[Tensor | None, str]:
    """Classes of the source, or why they are not known: the guard against collapse is weaker then, and is not lost."""
    try:
        return source_shares(config, classes), ''
    except (OSError, ValueError) as error:
        return None, f'unknown: {(str(error) or type(error).__name__).splitlines()[0]}'
