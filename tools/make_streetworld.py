"""Make a StreetWorld: a procedural street in the layouts of VIPER, SYNTHIA and Cityscapes."""

import argparse
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from i2vda_mmseg.apis.command_line import run_tool
from i2vda_mmseg.streetworld import WorldPlan, make_streetworld, read_world


class _StoreSize(argparse.Action):
    """Store 'HxW', or H and W, as (H, W)."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: str | Sequence[Any] | None,
        option_string: str | None = None,
    ) -> None:
        words = list(values or ())
        numbers = 'x'.join(words).lower().split('x')
        if len(numbers) != 2 or not all(number.isdecimal() for number in numbers):
            raise argparse.ArgumentError(
                self, f'{" ".join(words)!r} is not a size; write height and width like 128x256 or 128 256'
            )
        setattr(namespace, self.dest, (int(numbers[0]), int(numbers[1])))


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    default = WorldPlan()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument('--out', type=Path, default=Path('data/streetworld'), help='folder to fill')
    parser.add_argument('--seed', type=int, default=default.seed)
    parser.add_argument('--clips', type=int, default=default.clips, help='target clips to train on')
    parser.add_argument(
        '--val-clips',
        type=int,
        default=argparse.SUPPRESS,
        help=f'target clips to evaluate on (default: as many as --clips, but at most {default.val_clips})',
    )
    parser.add_argument('--frames', type=int, default=default.frames, help='frames in a clip')
    parser.add_argument('--images', type=int, default=default.images, help="source images in VIPER's layout")
    parser.add_argument(
        '--synthia-images',
        type=int,
        default=argparse.SUPPRESS,
        help=f"source images in SYNTHIA's layout (default: as many as --images, but at most {default.synthia_images})",
    )
    parser.add_argument(
        '--size',
        nargs='+',
        action=_StoreSize,
        default=default.size,
        metavar=('H', 'W'),
        help='height and width in pixels, written 128x256 or 128 256',
    )
    parser.add_argument('--workers', type=int, default=1, help='processes to share the work among')
    parser.add_argument('--flow', action='store_true', help='write exact flow between consecutive frames as well')
    parser.add_argument(
        '--previous-frames',
        action='store_true',
        help='write the frame before each source image as well, for methods that read two (DA-VSN, TPS, CMOM, QuadMix)',
    )
    parser.add_argument('--force', action='store_true', help='replace a StreetWorld made with other parameters')
    return parser.parse_args()


def main() -> None:
    """Make the world and say what was made."""
    args = vars(parse_args())
    before = _stamp(args['out'])
    start = time.perf_counter()
    out = make_streetworld(args.pop('out'), **args)
    if before is not None and _stamp(out) == before:
        print(f'{out} already holds this StreetWorld; nothing to do.')
        return
    world = read_world(out) or {}
    print(
        f'{out}: {world["images"]} VIPER images, {world["synthia_images"]} SYNTHIA images, {world["clips"]} + '
        f'{world["val_clips"]} clips of {world["frames"]} frames at {world["size"][0]}x{world["size"][1]}, '
        f'in {time.perf_counter() - start:.1f} s'
    )


def _stamp(out: Path) -> int | None:
    """When the world in a folder was finished."""
    path = out / 'world.json'
    return path.stat().st_mtime_ns if path.is_file() else None


if __name__ == '__main__':
    run_tool(main)
