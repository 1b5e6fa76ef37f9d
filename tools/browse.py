"""Look at what a training reads, before it does: tools/browse.py CONFIG --out browse.html."""

import argparse
from pathlib import Path

from mmengine.config import DictAction

from i2vda_mmseg.apis.browse import Browser
from i2vda_mmseg.apis.command_line import run_tool
from i2vda_mmseg.apis.launch import load_config
from i2vda_mmseg.fileio.atomic import write_atomically
from i2vda_mmseg.fileio.images import write_image
from i2vda_mmseg.reporting.browse_page import BrowsedSample, browse_page
from i2vda_mmseg.visualization import draw_panel


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description='Show source images with labels and target pairs with flow and mask')
    parser.add_argument('config', help='config file, configs/<method>/<name>.py')
    parser.add_argument('--out', default='browse.html', metavar='FILE.html', help='page to write; default browse.html')
    parser.add_argument('--pictures', metavar='DIR', help='folder for the same as pictures, two a sample')
    parser.add_argument('--count', type=int, default=8, help='how many samples; default 8')
    parser.add_argument('--iteration', type=int, default=0, help='from the one that this iteration reads; default 0')
    parser.add_argument(
        '--cfg-options', nargs='+', action=DictAction, metavar='KEY=VALUE', help='override settings of the config'
    )
    return parser.parse_args()


def main() -> None:
    """Read the samples, and write the page and the pictures."""
    args = parse_args()
    config = load_config(args.config, args.cfg_options)
    browser = Browser(config)
    samples = list(browser.samples(args.count, args.iteration))
    classes = [*zip(browser.metainfo['classes'], browser.metainfo['palette'])]
    notes = [f'{args.config}: what the training reads, with its random steps, on one process. {browser.flow_note}.']
    write_atomically(browse_page(Path(args.config).stem, notes, samples, classes), args.out)
    print(f'page: {args.out}')
    if args.pictures:
        legend = [*classes, ('ignored', (0, 0, 0))]
        for number, sample in enumerate(samples):
            write_pictures(sample, Path(args.pictures), f'{number:03d}', legend)
        print(f'pictures: {args.pictures}')


def write_pictures(sample: BrowsedSample, folder: Path, stem: str, legend: list) -> None:
    """Write a panel of the source and one of the target."""
    for side, name in zip(sample.sides, ('source', 'target')):
        title = f'{sample.name}. {side.title}. {Path(side.paths[-1]).name}'
        panel = draw_panel(side.cells, columns=3, nearest=side.sharp, legend=legend, title=title)
        write_image(folder / f'{stem}_{name}.png', panel)


if __name__ == '__main__':
    run_tool(main)
