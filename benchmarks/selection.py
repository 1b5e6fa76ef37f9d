"""Do criteria without labels find the best checkpoint? Kendall's tau and regret of each, over runs with labels.

For each run (a work dir with all of its checkpoints, and the config that it was trained with): the criteria of
``tools/select_checkpoint.py`` on the frames of the config's target, and mIoU of each checkpoint on the labelled frames
of its test. *tau* is Kendall's tau-b between a criterion and mIoU over the checkpoints that the guard leaves: 1 is the
same order. *Regret* is the mIoU that is lost by taking the criterion's choice in place of the best checkpoint of all.
The rows ``rank average`` (of the default criteria, fixed before any figure was known) and ``last checkpoint`` choose as
they say.

    python benchmarks/selection.py WORK_DIR... [--frames 120 --out selection_benchmark.json]
    python benchmarks/selection.py --from selection_benchmark.json
"""

import argparse
import json
import math
import statistics
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from rich.table import Table

from i2vda_mmseg.apis.launch import build_runner
from i2vda_mmseg.apis.selection import select_checkpoint
from i2vda_mmseg.engine.checkpoints import DamagedCheckpointError, load_weights
from i2vda_mmseg.evaluation.label_free import CRITERIA, DEFAULT_CRITERIA, order, rank_averages
from i2vda_mmseg.evaluation.metrics_file import versions
from i2vda_mmseg.fileio.atomic import write_atomically
from i2vda_mmseg.reporting.run_record import read_run

AVERAGE, LAST = 'rank average', 'last checkpoint'


def main() -> None:
    """Measure, or read what was measured; then print and write."""
    parser = argparse.ArgumentParser(description='Compare label-free criteria with mIoU over the checkpoints of runs')
    parser.add_argument('work_dirs', nargs='*', metavar='WORK_DIR', help='runs that kept their checkpoints')
    parser.add_argument(
        '--from', dest='earlier', metavar='FILE', help='compute the table from what was measured before'
    )
    parser.add_argument('--frames', type=int, default=120, help='unlabelled frames to look at')
    parser.add_argument('--out', default='selection_benchmark.json')
    parser.add_argument('--device', default='cuda' if torch.cuda.is_available() else 'cpu')
    args = parser.parse_args()
    if bool(args.work_dirs) == bool(args.earlier):
        parser.error('give work dirs to measure, or --from')
    if args.earlier:
        runs = json.loads(Path(args.earlier).read_text(encoding='utf-8'))['runs']
    else:
        runs = {folder: measure(folder, args.frames, args.device) for folder in args.work_dirs}
    table = compare(runs)
    report = dict(runs=runs, table=table, default_criteria=list(DEFAULT_CRITERIA), versions=versions())
    write_atomically(json.dumps(report, indent=2, allow_nan=False) + '\n', args.out)
    Console().print(shown(table, len(runs)))
    print(args.out)


def measure(folder: str, frames: int, device: str) -> list[dict[str, Any]]:
    """Measure all checkpoints of a run: a row of ``select_checkpoint`` each, with ``mIoU`` in percent."""
    rows = select_checkpoint(folder, frames=frames, criteria=list(CRITERIA), device=device)['checkpoints']
    config = read_run(folder).config
    with tempfile.TemporaryDirectory() as elsewhere:
        config.update(work_dir=elsewhere, load_from=None, resume=False)
        runner = build_runner(config)
        for row in rows:
            try:
                load_weights(runner.model, Path(folder, row['checkpoint']))
            except DamagedCheckpointError:  # whose row says so
                continue
            row['mIoU'] = float(runner.test()['mIoU'])
    return [row for row in rows if 'mIoU' in row]


def compare(runs: Mapping[str, Sequence[Mapping[str, Any]]]) -> list[dict[str, Any]]:
    """Lay the criteria against mIoU.

    Args:
        runs: By name, the checkpoints in the order of their iterations: ``criteria``, ``excluded`` and ``mIoU``.

    Returns:
        A row a criterion: ``criterion``, ``tau`` and ``regret`` (means over the runs), ``worst_regret``, ``runs`` (in
        which it is known), and ``by_run``.
    """
    table = []
    for name in (*CRITERIA, AVERAGE, LAST):
        by_run = {run: found for run, rows in runs.items() if (found := _judge(name, rows)) is not None}
        if by_run:
            taus = [found['tau'] for found in by_run.values() if found['tau'] is not None]
            regrets = [found['regret'] for found in by_run.values()]
            means = dict(tau=statistics.mean(taus) if taus else None, regret=statistics.mean(regrets))
            table.append(dict(criterion=name, **means, worst_regret=max(regrets), runs=len(by_run), by_run=by_run))
    return table


def kendall_tau(a: Sequence[float], b: Sequence[float]) -> float | None:
    """Kendall's tau-b: concordant less discordant pairs, over the geometric mean of the pairs not tied in a and in b.

    Returns:
        In -1..1; None where all of a or all of b are equal.

    Example:
        >>> kendall_tau([1, 2, 3, 4], [1, 3, 2, 4])
        0.6666666666666666
    """
    pairs = [(i, j) for i in range(len(a)) for j in range(i)]
    signs = [(_sign(a[i] - a[j]), _sign(b[i] - b[j])) for i, j in pairs]
    untied = [sum(abs(sign[side]) for sign in signs) for side in (0, 1)]
    return sum(x * y for x, y in signs) / math.sqrt(untied[0] * untied[1]) if all(untied) else None


def _judge(name: str, rows: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    """What a criterion makes of one run; None where it is not known, or the guard leaves nothing."""
    left = [i for i, row in enumerate(rows) if not row['excluded']]
    scores = _scores(name, [rows[i] for i in left])
    if not left or scores is None:
        return None
    quality = [float(row['mIoU']) for row in rows]
    chosen = left[order([-score for score in scores])[0]]
    tau = None if name == LAST else kendall_tau(scores, [quality[i] for i in left])
    return dict(tau=tau, regret=max(quality) - quality[chosen], chosen=rows[chosen]['checkpoint'])


def _scores(name: str, rows: Sequence[Mapping[str, Any]]) -> list[float] | None:
    """Higher is better, one for each row."""
    figures = [row['criteria'] for row in rows]
    if name == LAST:
        return [float(i) for i in range(len(rows))]
    if name == AVERAGE:
        return [-average for average in rank_averages(figures, DEFAULT_CRITERIA) if average is not None]
    values = [figure.get(name) for figure in figures]
    return None if any(value is None for value in values) else values  # type: ignore[return-value]


def _sign(value: float) -> int:
    return (value > 0) - (value < 0)


def shown(table: Sequence[Mapping[str, Any]], runs: int) -> Table:
    """Lay the table out for the screen."""
    out = Table('criterion', "Kendall's tau", 'regret', 'worst regret', 'runs', title=f'{runs} runs, mIoU in percent')
    for row in table:
        tau = '' if row['tau'] is None else f'{row["tau"]:+.2f}'
        name = row['criterion'] + ('*' if row['criterion'] in DEFAULT_CRITERIA else '')
        out.add_row(name, tau, f'{row["regret"]:.2f}', f'{row["worst_regret"]:.2f}', str(row['runs']))
    return out


if __name__ == '__main__':
    main()
