"""Write a config for two data sets that were prepared: tools/prepare/pair.py SOURCE TARGET --out pair.py."""

import argparse
from pathlib import Path

from i2vda_mmseg.apis.command_line import run_tool
from i2vda_mmseg.apis.launch import load_config
from i2vda_mmseg.apis.pair_config import NETWORKS
from i2vda_mmseg.apis.prepared_pair import Splits, write_prepared_config
from i2vda_mmseg.datasets.preparing import common_class_space, read_prepared
from i2vda_mmseg.entry import command_of
from i2vda_mmseg.fileio.atomic import write_atomically


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description='Write a config for two data sets that were prepared')
    parser.add_argument('source', help='folder that tools/prepare/dataset.py wrote: labelled images')
    parser.add_argument('target', help='another one: videos, and labelled frames of them where it has some')
    parser.add_argument('--out', default='pair.py', metavar='FILE.py', help='config to write; default pair.py')
    parser.add_argument('--network', choices=NETWORKS, default='r101', help='r18: for a try on a CPU')
    parser.add_argument('--source-split', default='train', help='part of the source to train on; default train')
    parser.add_argument('--target-split', default='train', help='part of the target to adapt to; default train')
    parser.add_argument('--test-split', help='part of the target to test on; default val, if it is there')
    return parser.parse_args()


def main() -> None:
    """Find the common classes, write the config, and say what comes next."""
    args = parse_args()
    out = Path(args.out)
    if out.exists():
        raise ValueError(f'{out} is there already; give another --out, or remove it')
    source, target = read_prepared(args.source), read_prepared(args.target)
    space = common_class_space(source, target)
    splits = Splits(args.source_split, args.target_split, args.test_split)
    write_atomically(write_prepared_config(source, target, args.network, out, space, splits), out)
    load_config(str(out))  # which checks it
    print(f'{len(space.classes)} classes: {", ".join(space.classes)}')
    for domain, raw_ids in (('source', source.labels), ('target', target.labels)):
        lost = sorted({str(name) for name in raw_ids.values() if name} - set(getattr(space, domain).values()))
        if lost and getattr(space, domain):
            print(f'  ignored or merged in the {domain}: {", ".join(lost)}')
    print(f'\nconfig: {out}. Next:')
    for tool in ('check_data', 'browse', 'train'):
        print(f'  {command_of(tool)} {out}')


if __name__ == '__main__':
    run_tool(main)
