"""Make a table of the paper on StreetWorld: tools/benchmark.py SUITE. Writes results.json and results.md.

3 seeds with --jobs 2 took 58 minutes (table1) and 35 (table3) on 2 cores; 10 of the 58 were for the streets and
initialisations, which the tables share. Estimates: table4 35, table5 80. smoke has one seed and takes about 2 minutes.
"""

import argparse
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]  # of the checkout, or what an installed package carries
sys.path.insert(0, str(ROOT))  # the suites are no part of the installed package

from benchmarks.suites import SUITES, run_suite  # noqa: E402 - after the path is set
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
    parser.add_argument('--jobs', type=int, default=1, help='rows at a time; the cores are split among them')
    parser.add_argument('--device', default='auto', help='auto (a GPU if there is one), cpu, cuda or cuda:<index>')
    parser.add_argument(
        '--resume',
        nargs='?',
        const='auto',
        metavar='RESULTS_JSON',
        help='go on with the results in --out, if there are any, or with these, even if their runs are gone',
    )
    parser.add_argument('--out', type=Path, help='folder of results and runs; default work_dirs/benchmark/<suite>')
    parser.add_argument(
        '--data-root', type=Path, help='streets and initialisations, shared by the suites; default data/benchmark'
    )
    return parser.parse_args()


def main() -> int:
    """Run the suite; 0, 1 if a row has failed, 2 if it cannot begin, 75 if it was asked to stop."""
    args = vars(parse_args())
    args['out'] = args['out'] or Path('work_dirs/benchmark', args['suite'])
    args['data_root'] = args['data_root'] or Path('data/benchmark')
    return run_suite(ROOT, args.pop('suite'), **args)


if __name__ == '__main__':
    run_tool(main, mistake=2)
