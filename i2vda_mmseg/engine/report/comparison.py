"""What must be said before figures of several runs are compared."""

from collections.abc import Sequence
from typing import Any

from mmengine.config import Config

from i2vda_mmseg.engine.config_keys import RUNNER_KEYS
from i2vda_mmseg.visualization.report import FactRow, fact_rows
from i2vda_mmseg.visualization.report.figures import flatten

from .run_record import RunRecord

_ABSENT = '(not set)'
# Where a run writes and what it shows on the way does not change what it learns.
_LEFT_OUT = ('work_dir', 'visualizer', 'vis_backends', 'experiment_name', 'launcher', 'custom_imports', 'resume')
_TC_FACTS = ('TC_preset', 'TC_switches', 'TC_flow', 'TC_flow_size', 'TC_clip_list')


def comparison_warnings(runs: Sequence[RunRecord]) -> list[str]:
    """Say what speaks against comparing the runs' figures, one sentence each."""
    tested = [run for run in runs if run.metrics is not None]
    warnings = []
    protocols = {run.name: run.metrics.get('protocol') for run in tested}
    if len(set(protocols.values())) > 1:
        named = ', '.join(f'{name}: {protocol or "unknown"}' for name, protocol in protocols.items())
        warnings.append(f'The runs were tested under different protocols; their mIoU must not be compared ({named}).')
    measured = [run for run in tested if 'TC' in run.metrics]
    for fact in _TC_FACTS if len(measured) > 1 else ():
        if len({str(run.metrics.get(fact)) for run in measured}) > 1:
            warnings.append(f'Temporal consistency was measured with another {fact}; it must not be compared.')
    for run in tested:
        if run.metrics.get('is_last_checkpoint') is False:
            warnings.append(f'{run.name}: the tested checkpoint is not the last one of its run.')
    return warnings


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
    kept = {key: value for key, value in tree.items() if key in RUNNER_KEYS and key not in _LEFT_OUT}
    return {key: str(value) for key, value in flatten(kept).items()}
