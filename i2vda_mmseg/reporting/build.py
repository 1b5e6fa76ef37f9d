"""From work dirs to a page."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.registry import init_default_scope

from i2vda_mmseg.engine.frame_predictor import find_test_dataset, read_metainfo
from i2vda_mmseg.fileio.atomic import write_atomically

from .about import about_runs
from .charts import draw_curves
from .clip import make_player
from .comparison import comparison_warnings, config_differences, protocols, temporal_differences, version_rows
from .confusion import confusion_tables
from .figures import FactRow, fact_rows, figure_tables, percent
from .page import Legend, ReportContent, ReportOptions, RunHead, render_report
from .paths import shorten_apart
from .run_record import RunRecord, attempt, read_run, short_names
from .samples import RunSamples, draw_samples, gather
from .seeds import seed_table
from .support import compare_runs
from .without_labels import unlabelled_facts, video_table


def build_report(folders: Sequence[str | Path], out: str | Path, options: ReportOptions | None = None) -> Path:
    """Write one HTML file about one run or several; what cannot be shown is said in it.

    Args:
        folders: Work dirs, at least one.
        out: File to write; replaced atomically.
        options: What it is to hold.

    Raises:
        FileNotFoundError: If a work dir does not exist.
        ValueError: If there is no work dir, or not as many names as work dirs.
    """
    if not folders:
        raise ValueError('a report needs a work dir')
    options = options or ReportOptions()
    if options.names is not None and len(options.names) != len(folders):
        raise ValueError(f'{len(folders)} work dirs, but {len(options.names)} names: {", ".join(options.names)}')
    runs = [read_run(folder, name) for folder, name in zip(folders, options.names or short_names(folders))]
    document = render_report(_content(runs, options))
    write_atomically(document, out)
    return Path(out)


def _content(runs: list[RunRecord], options: ReportOptions) -> ReportContent:
    # With the settings that are overridden for drawing; those that are compared are as the runs were trained.
    configs = [_overridden(run.config, options.cfg_options) for run in runs]
    samples = [_samples(run, config, options) for run, config in zip(runs, configs)]
    player, no_clip = make_player(runs, configs, options)
    metrics = [run.metrics for run in runs]
    unlabelled = [run.unlabelled for run in runs]
    charts = draw_curves(runs)
    confusion = confusion_tables([run.confusion for run in runs])
    differences = config_differences([run.config for run in runs])
    comparable = len(set(protocols(runs).values())) == 1
    support = compare_runs(runs, comparable, not temporal_differences(runs))
    return ReportContent(
        title=options.title or ' · '.join(run.name for run in runs),
        runs=[_head(run) for run in runs],
        about=about_runs(runs),
        warnings=comparison_warnings(runs) + _weights_notes(runs, options),
        tables=figure_tables(metrics, support.leads) + video_table(unlabelled),
        support=support.note,
        compared=support.figures,
        differences_of_runs=support.differences,
        seeds=seed_table(runs),
        facts=[*map(_apart, fact_rows(metrics)), *unlabelled_facts(unlabelled)],
        charts=charts,
        confusion=confusion,
        samples=gather(samples),
        player=player,
        legends=_legends(samples, configs),
        missing=dict(
            curves='' if charts else 'No run has logged anything.',
            samples='' if any(samples) else 'None were asked for.' if options.samples < 1 else 'No run could draw any.',
            clip=no_clip,
            confusion='' if confusion else 'No run has a confusion.json; tools/test.py writes it with --confusion.',
            differences='' if differences else _no_difference(runs),
        ),
        differences=[*map(_apart, differences)],
        versions=version_rows(runs),
    )


def _apart(row: FactRow) -> FactRow:
    return row._replace(values=shorten_apart(row.values))


def _weights_notes(runs: Sequence[RunRecord], options: ReportOptions) -> list[str]:
    drawn = runs if max(options.samples, options.max_frames) > 0 else []
    found = [(run, attempt([], 'weights', run.weights, options.checkpoint_name)) for run in drawn if run.config]
    return [f'{run.name}: {weights.note}.' for run, weights in found if weights and weights.note]


def _head(run: RunRecord) -> RunHead:
    metrics = run.metrics or {}
    files = []
    if run.metrics is not None:
        files.append(('metrics.json', (run.folder / 'metrics.json').read_text(encoding='utf-8')))
    if run.config is not None:
        files.append(('Config that it was trained with', run.config.pretty_text))
    return RunHead(
        name=run.name,
        protocol=metrics.get('protocol'),
        headline=percent('mIoU', metrics.get('mIoU')),
        interval=_interval_of(metrics, 'mIoU'),
        temporal=[(name, text) for name in ('TC', 'flicker') if (text := percent(name, metrics.get(name)))]
        or run.unlabelled.temporal(),
        missing=run.missing,
        files=files,
    )


def _interval_of(metrics: dict[str, Any], figure: str) -> str:
    rows = [row for table in figure_tables([metrics]) if not table.name for row in table.rows if row.name == figure]
    return rows[0].intervals[0] if rows else ''


def _overridden(config: Config | None, cfg_options: dict[str, Any] | None) -> Config | None:
    if config is None:
        return None
    init_default_scope(config.get('default_scope', 'mmseg'))
    changed = Config(config.to_dict())
    if cfg_options:
        changed.merge_from_dict(cfg_options)
    return changed


def _samples(run: RunRecord, config: Config | None, options: ReportOptions) -> RunSamples | None:
    if config is None or options.samples < 1:
        return None
    options.tell(f'{run.name}: samples')
    return attempt(run.missing, 'samples', _draw, run, config, options)


def _draw(run: RunRecord, config: Config, options: ReportOptions) -> RunSamples:
    return draw_samples(config, run.weights(options.checkpoint_name).path, options.samples, options.device)


def _no_difference(runs: Sequence[RunRecord]) -> str:
    if sum(run.config is not None for run in runs) > 1:
        return 'The runs have the same settings.'
    return 'There are no two configs to compare.'


def _legends(samples: Sequence[RunSamples | None], configs: Sequence[Config | None]) -> list[Legend]:
    """Give the classes of all runs, each set of them once."""
    found: list[Legend] = [drawn.legend for drawn in samples if drawn]
    for config in configs if not found else []:
        legend = None if config is None else attempt([], 'legend', _legend, config)
        found += [] if legend is None else [legend]
    return [legend for i, legend in enumerate(found) if legend not in found[:i]]


def _legend(config: Config) -> Legend:
    meta = read_metainfo(find_test_dataset(config))
    return [*zip(meta['classes'], meta['palette'])]
