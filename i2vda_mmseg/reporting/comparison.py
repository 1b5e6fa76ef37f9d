"""What must be said before figures of several runs are compared."""

import inspect
from collections.abc import Sequence
from typing import Any

from mmengine.config import Config
from mmengine.runner import Runner

from .figures import FactRow, fact_rows, flatten
from .run_record import RunRecord

_ABSENT = '(not set)'
_READ = {*inspect.signature(Runner.__init__).parameters, 'model_wrapper_cfg', 'tc_dataloader', 'tc_evaluator'}
# Where a run writes and what it shows on the way does not change what it learns.
_LEFT_OUT = ('work_dir', 'visualizer', 'vis_backends', 'experiment_name', 'launcher', 'custom_imports', 'resume')
_TC_FACTS = ('TC_preset', 'TC_switches', 'TC_flow', 'TC_flow_size', 'TC_clip_list')


def comparison_warnings(runs: Sequence[RunRecord]) -> list[str]:
    """Say what speaks against comparing the runs' figures, one sentence each."""
    warnings = []
    found = protocols(runs)
    if len(set(found.values())) > 1:
        named = ', '.join(f'{name}: {protocol}' for name, protocol in found.items())
        warnings.append(
            'The runs were tested under different protocols, which are about different classes; their mIoU and TC must '
            f'not be compared ({named}).'
        )
    if differing := temporal_differences(runs):
        warnings.append(
            f'Temporal consistency was measured in different ways ({", ".join(differing)} differ); TC and flicker must '
            'not be compared.'
        )
    early = [run.name for run in runs if (run.metrics or {}).get('is_last_checkpoint') is False]
    return warnings + [f'{name}: the tested checkpoint is not the last one of its run.' for name in early]


def protocols(runs: Sequence[RunRecord]) -> dict[str, str]:
    """Give what the figures of each tested run are about, by the run's name; classes of TC follow it, too."""
    return {run.name: str(run.metrics.get('protocol') or 'unknown') for run in runs if run.metrics is not None}


def temporal_differences(runs: Sequence[RunRecord]) -> list[str]:
    """Name the facts in which the runs' ways of measuring temporal consistency differ."""
    measured = [run.metrics for run in runs if run.metrics is not None and 'TC' in run.metrics]
    return [fact for fact in _TC_FACTS if len({str(metrics.get(fact)) for metrics in measured}) > 1]


def config_differences(configs: Sequence[Config | None]) -> list[FactRow]:
    """Give the settings that differ between the runs that have a config.

    Only what the runner and this package read is compared; variables that configs are written with are repeated in it.
    """
    leaves = [None if config is None else settings_of(config) for config in configs]
    known = [leaf for leaf in leaves if leaf is not None]
    rows = []
    for key in dict.fromkeys(key for leaf in known for key in leaf):
        values = [None if leaf is None else leaf.get(key, _ABSENT) for leaf in leaves]
        if len({value for value in values if value is not None}) > 1:
            rows.append(FactRow(key, values, differs=True))
    return rows


def version_rows(runs: Sequence[RunRecord]) -> list[FactRow]:
    """Lay the versions of metrics.json and the machines of the logs side by side."""
    written = [(run.metrics or {}).get('versions') for run in runs]
    facts: list[dict[str, Any]] = [
        {**(versions if isinstance(versions, dict) else {}), **run.machine} for versions, run in zip(written, runs)
    ]
    return fact_rows(facts)


def settings_of(config: Config | None) -> dict[str, str]:
    """Give what a run learns by: each setting as text by its path; none without a config."""
    tree = {} if config is None else config.to_dict()
    kept = {key: value for key, value in tree.items() if key in _READ and key not in _LEFT_OUT}
    return {key: str(value) for key, value in flatten(kept).items()}
