"""What must be said before figures of several runs are compared."""

import inspect
from collections.abc import Sequence
from typing import Any

from mmengine.config import Config
from mmengine.runner import Runner

from i2vda_mmseg.visualization.report import FactRow, fact_rows
from i2vda_mmseg.visualization.report.figures import flatten

from .run_record import RunRecord

_ABSENT = '(not set)'
_READ = {*inspect.signature(Runner.__init__).parameters, 'model_wrapper_cfg', 'tc_dataloader', 'tc_evaluator'}
# Where a run writes and what it shows on the way does not change what it learns.
_LEFT_OUT = ('work_dir', 'visualizer', 'vis_backends', 'experiment_name', 'launcher', 'custom_imports', 'resume')
_TC_FACTS = ('TC_preset', 'TC_switches', 'TC_flow', 'TC_flow_size', 'TC_clip_list')


def comparison_warnings(runs: Sequence[RunRecord]) -> list[str]:
    """Say what speaks against comparing the runs' figures, one sentence each."""
    tested = {run.name: run.metrics for run in runs if run.metrics is not None}
    warnings = []
    protocols = {name: metrics.get('protocol') for name, metrics in tested.items()}
    if len(set(protocols.values())) > 1:
        named = ', '.join(f'{name}: {protocol or "unknown"}' for name, protocol in protocols.items())
        warnings.append(f'The runs were tested under different protocols; their mIoU must not be compared ({named}).')
    measured = [metrics for metrics in tested.values() if 'TC' in metrics]
    differing = [fact for fact in _TC_FACTS if len({str(metrics.get(fact)) for metrics in measured}) > 1]
    if differing:
        warnings.append(f'Temporal consistency was measured in different ways ({", ".join(differing)} differ).')
    early = [name for name, metrics in tested.items() if metrics.get('is_last_checkpoint') is False]
    return warnings + [f'{name}: the tested checkpoint is not the last one of its run.' for name in early]


def config_differences(configs: Sequence[Config | None]) -> list[FactRow]:
    """Give the settings that differ between the runs that have a config.

    Only what the runner and this package read is compared; variables that configs are written with are repeated in it.
    """
    leaves = [None if config is None else _leaves(config) for config in configs]
    known = [leaf for leaf in leaves if leaf is not None]
    rows = []
    for key in dict.fromkeys(key for leaf in known for key in leaf):
        values = [None if leaf is None else leaf.get(key, _ABSENT) for leaf in leaves]
        if len({value for value in values if value is not None}) > 1:
            rows.append(FactRow(key, values, differs=True))
    return rows


def version_rows(runs: Sequence[RunRecord]) -> list[FactRow]:
    """Lay the versions of metrics.json and the machines of the logs side by side."""
    facts: list[dict[str, Any]] = [{**(run.metrics or {}).get('versions', {}), **run.machine} for run in runs]
    return fact_rows(facts)


def _leaves(config: Config) -> dict[str, str]:
    tree = config.to_dict()
    kept = {key: value for key, value in tree.items() if key in _READ and key not in _LEFT_OUT}
    return {key: str(value) for key, value in flatten(kept).items()}
