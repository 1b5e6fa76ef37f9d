"""Show runs on one page that opens anywhere: tools/report.py WORK_DIR... --out report.html."""

import argparse
from pathlib import Path

import torch
from mmengine.config import DictAction
from rich.console import Console

import i2vda_mmseg  # noqa: F401 - registers everything
from i2vda_mmseg.apis.command_line import run_tool
from i2vda_mmseg.engine.checkpoints import trust_checkpoints
from i2vda_mmseg.reporting import ReportOptions, build_report


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    default = ReportOptions()
    parser = argparse.ArgumentParser(description='Write one HTML file, which needs no network, about runs')
    parser.add_argument('work_dirs', nargs='+', metavar='WORK_DIR', help='folders of finished or unfinished runs')
    parser.add_argument('--out', type=Path, default=Path('work_dirs/report.html'), metavar='FILE', help='page to write')
    parser.add_argument('--title', help="of the page; default the runs' names")
    parser.add_argument('--names', nargs='+', metavar='NAME', help='what to call the runs; default their folders')
    parser.add_argument(
        '--clip', help='folder of frames, video file, or name of a frame of the test data; default its first clip'
    )
    parser.add_argument('--max-frames', type=int, default=default.max_frames, metavar='N', help='0 shows no clip')
    parser.add_argument(
        '--samples', type=int, default=default.samples, metavar='N', help='labelled frames to draw; 0 draws none'
    )
    parser.add_argument(
        '--checkpoint-name', metavar='NAME', help='file in each work dir; default the tested one, or else the last one'
    )
    parser.add_argument('--device', default='cuda' if torch.cuda.is_available() else 'cpu')
    parser.add_argument('--trust-checkpoint', action='store_true', help='load them even if that runs code in them')
    parser.add_argument(
        '--cfg-options', nargs='+', action=DictAction, metavar='KEY=VALUE', help='override settings of all runs'
    )
    return parser.parse_args()


def main() -> None:
    """Write the page and say where it is."""
    args = parse_args()
    trust_checkpoints(args.trust_checkpoint)
    names = ('title', 'names', 'clip', 'max_frames', 'samples', 'checkpoint_name', 'device', 'cfg_options')
    with Console(stderr=True).status('reading') as status:
        options = ReportOptions(**{name: getattr(args, name) for name in names}, progress=status.update)
        path = build_report(args.work_dirs, args.out, options)
    print(f'report: {path} ({path.stat().st_size / 1e6:.1f} MB)')


if __name__ == '__main__':
    run_tool(main)
