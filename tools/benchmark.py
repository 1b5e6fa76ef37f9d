"""Make a table of the paper, on StreetWorld or on real data: tools/benchmark.py SUITE.

It writes results.json and results.md.

3 seeds with --jobs 2 took 58 minutes (table1) and 35 (table3) on 2 cores; 10 of the 58 were for the streets and
initialisations, which the tables share. Estimates: table4 35, table5 80. smoke has one seed and takes about 2 minutes.
"""

import argparse
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]  # of the checkout, or what an installed package carries
sys.path.insert(0, str(ROOT))  # the suites are no part of the installed package

from benchmarks.suites.data import REAL  # noqa: E402 - after the path is set
from benchmarks.suites.run_suite import run_suite  # noqa: E402
from benchmarks.suites.suites import SUITES  # noqa: E402
from i2vda_mmseg.apis.command_line import run_tool  # noqa: E402


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('suite', choices=SUITES, help='which table')
    parser.add_argument(
        '--seeds',
        type=int,
        nargs='+',
        help="seeds of streets and runs; those of the results that are gone on with stay; default the suite's: 3 4 5",
    )
    parser.add_argument(
        '--data',
        default='streetworld',
        choices=['streetworld', *REAL],
        help="streetworld, or real data in --data-root, with the paper's own leaves as they are",
    )
    parser.add_argument(
        '--jobs', type=int, help='rows at a time: 1 here, the cores are split among them; on a cluster what fits'
    )
    parser.add_argument('--address', help='of a Ray cluster whose nodes share these folders; default this machine')
    parser.add_argument(
        '--gpus-per-run',
        type=float,
        help='0: none; 0.5: two runs share one; 4: a run of 4 ranks; default 1 if there are any',
    )
    parser.add_argument(
        '--cpus-per-rank', type=int, help='cores and threads of each; default a share here, 4 on a cluster'
    )
    parser.add_argument(
        '--emit', choices=['commands'], help='print what would run, for a queue of your own, and run nothing'
    )
    parser.add_argument(
        '--resume',
        nargs='?',
        const='auto',
        metavar='RESULTS_JSON',
        help='go on with the results in --out, if there are any, or with these, even if their runs are gone',
    )
    parser.add_argument('--out', type=Path, help='folder of results and runs; default work_dirs/benchmark/<suite>')
    parser.add_argument(
        '--data-root',
        type=Path,
        help='streets and initialisations of all suites (default data/benchmark), or the real data (default data)',
    )
    return parser.parse_args()


def main() -> int:
    """Run the suite; 0, 1 if a row has failed, 2 if it cannot begin, 75 if it was asked to stop."""
    args = vars(parse_args())
    is_real = args['data'] in REAL
    name = f'{args["suite"]}_{args["data"]}' if is_real else args['suite']
    args['out'] = args['out'] or Path('work_dirs/benchmark', name)
    args['data_root'] = args['data_root'] or Path('data' if is_real else 'data/benchmark')
    return run_suite(ROOT, args.pop('suite'), **args)


if __name__ == '__main__':
    run_tool(main, mistake=2)
