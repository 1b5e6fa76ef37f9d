"""Write a config for a domain pair of one's own: tools/init_pair.py --images DIR --labels DIR --video VIDEO."""

import argparse
import shlex
from pathlib import Path

from i2vda_mmseg.apis.command_line import run_tool
from i2vda_mmseg.apis.init_pair import Seen, look, propose_classes
from i2vda_mmseg.apis.launch import load_config
from i2vda_mmseg.apis.pair_config import NETWORKS, write_config
from i2vda_mmseg.datasets import ClassSpace
from i2vda_mmseg.entry import command_of
from i2vda_mmseg.fileio.atomic import write_atomically


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description='Write a config for labelled images and an unlabelled video')
    parser.add_argument('--images', required=True, metavar='DIR', help='images of the source')
    parser.add_argument('--labels', required=True, metavar='DIR', help='their labels: one channel of 8 bits, raw ids')
    parser.add_argument('--video', required=True, help='the target: a video, a folder of videos, or a folder of frames')
    parser.add_argument(
        '--classes', metavar='FILE', help='.yaml, .json, or .txt with "ID NAME" lines; default: by number'
    )
    parser.add_argument('--network', choices=NETWORKS, default='r101', help='r18: for a try on a CPU')
    parser.add_argument('--out', default='pair.py', metavar='FILE.py', help='config to write; default pair.py')
    return parser.parse_args()


def main() -> None:
    """Look, write, and say what comes next."""
    args = parse_args()
    out = Path(args.out)
    if out.exists():
        raise ValueError(f'{out} is there already; give another --out, or remove it')
    seen = look(args.images, args.labels, args.video)
    space = propose_classes(seen, args.classes, out.stem)
    write_atomically(write_config(seen, space, args.video, args.network, out), out)
    load_config(str(out))  # which checks it
    describe(seen, space)
    print(f'\nconfig: {out}. Next:')
    for command in commands(out, args.video):
        print(f'  {command}')


def describe(seen: Seen, space: ClassSpace) -> None:
    """Print what was seen."""
    print(f'source: {seen.images} labelled images of {seen.source_size[0]}x{seen.source_size[1]}')
    for raw, share in seen.shares.items():
        print(f'  raw id {raw:3d}: {share:6.1%}  {space.source.get(raw, "ignored")}')
    speed = f', {seen.fps:g} a second' if seen.fps else ''
    print(f'target: {seen.frames} frames or more of {seen.target_size[0]}x{seen.target_size[1]}{speed}')
    print(f'  median motion {seen.motion:.1f} pixels from frame to frame')


def commands(out: Path, video: str) -> list[str]:
    """What to run with the config."""
    work_dir = f'work_dirs/{out.stem}'
    config, source = shlex.quote(str(out)), shlex.quote(video)
    return [
        f'{command_of("check_data")} {config}',
        f'{command_of("browse")} {config} --out browse.html',
        f'{command_of("train")} {config}',
        f'{command_of("select_checkpoint")} {work_dir}',
        f'{command_of("segment_video")} {config} CHOSEN {source} --out segmented.mp4 --legend --tc',
        f'{command_of("report")} {work_dir} --out report.html',
        f'{command_of("export")} CHOSEN network.pth --config {config}',
    ]


if __name__ == '__main__':
    run_tool(main)
