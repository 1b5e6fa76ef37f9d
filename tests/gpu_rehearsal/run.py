"""Rehearses trainings on the fake device: make gpu-rehearsal, or python -m gpu_rehearsal.run CONFIG...

In processes of their own, because the device cannot be taken back from PyTorch.
"""

import argparse
import json
import sys
import traceback
import warnings
from multiprocessing import get_context
from pathlib import Path

import torch
from gpu_rehearsal.budget import excess
from mmengine.config import Config

from i2vda_mmseg.apis.launch import load_config
from i2vda_mmseg.apis.rehearsal import rehearse
from i2vda_mmseg.apis.rehearsal.rehearse import PRECISIONS
from i2vda_mmseg.engine.loops import stages_in

CONFIGS = Path(__file__).parents[2] / 'configs'
SKIPPED = {'multi-band': 'only tests'}


def leaves():
    """All configs that train, those of the ablations included."""
    found = sorted(path for path in CONFIGS.rglob('*.py') if '_base_' not in path.parts)
    return [str(path) for path in found if not any(name in path.name for name in SKIPPED)]


def runs(paths, precisions):
    """(config, precision, whether the last stage): each precision, and the last of several stages in the first one."""
    for path in paths:
        for precision in precisions:
            yield path, precision, False
        # Modules that it imports may change the process, and are for the one that rehearses.
        config = Config.fromfile(path, import_custom_modules=False)
        if len(stages_in(config.train_cfg)) > 1:
            yield path, precisions[0], True


def run(path, precision, last_stage):
    """Rehearse one; returns what it is about, the waits that are over budget, and the error if any."""
    warnings.simplefilter('ignore')
    torch.set_num_threads(1)
    row = dict(config=path, precision=precision, last_stage=last_stage, error='', waits=0, over={})
    try:
        seen = rehearse(load_config(path), precision=precision, last_stage=last_stage)
    except Exception as error:
        traceback.print_exc()
        return row | dict(error=f'{type(error).__name__}: {error}')
    waits = seen.steady()
    over = {f'{wait.kind}: {wait.line}': count for wait, count in excess(waits).items()}
    elsewhere = sorted(name for name, device in seen.logged.items() if device == 'cpu')
    return row | dict(waits=sum(waits.values()), over=over, logged=sorted(seen.logged), on_cpu=elsewhere)


def _run(case):
    return run(*case)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('configs', nargs='*', help='all that train, if none is named')
    parser.add_argument('--jobs', type=int, default=1)
    parser.add_argument('--precision', choices=PRECISIONS, help='default: both')
    parser.add_argument('--json', metavar='FILE', help='where rows are written')
    args = parser.parse_args()
    todo = list(runs(args.configs or leaves(), [args.precision] if args.precision else PRECISIONS))
    rows = []
    with get_context('fork').Pool(args.jobs, maxtasksperchild=20) as pool:
        for row in pool.imap_unordered(_run, todo):
            rows.append(row)
            bad = row['error'] or ('over budget' if row['over'] else 'ok')
            stage = ', last stage' if row['last_stage'] else ''
            print(f'{row["config"]}, {row["precision"]}{stage}: {row["waits"]} waits, {bad[:300]}', flush=True)
            for line, count in row['over'].items():
                print(f'    {count}  {line}')
        pool.close()
        pool.join()
    if args.json:
        Path(args.json).write_text(json.dumps(rows))
    failed = [row for row in rows if row['error'] or row['over']]
    print(f'{len(rows) - len(failed)} of {len(rows)} rehearsals without a device mix and within the budget')
    sys.exit(bool(failed))


if __name__ == '__main__':
    main()
