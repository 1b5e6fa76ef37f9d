"""Sends families of MMSegmentation through the methods, and writes results/zoo.json: make zoo."""

import argparse
import json
import logging
import multiprocessing
import sys
import tempfile
import traceback
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import date
from functools import partial
from pathlib import Path
from unittest.mock import patch

import torch
from mmengine.registry import init_default_scope
from zoo.chain import METHODS, STEPS, make_data, method_config, run_chain
from zoo.families import EXPECTED_FAILURES, SIZE, SIZES, families
from zoo.shrink import narrow_segmentor, write_clip

import i2vda_mmseg  # noqa: F401 - registers everything
from i2vda_mmseg.datasets.class_spaces import CLASS_SPACES
from i2vda_mmseg.fileio.atomic import write_atomically

CLASSES = list(CLASS_SPACES['viper15'][0]['classes'])


def run_family(name: str, folder: Path, methods: Iterable[str] = METHODS) -> dict[str, str]:
    """Send a family through methods; returns what went wrong in each step, or ''.

    Args:
        name: Of ``families()``.
        folder: For data and work dirs.
        methods: Folders of ``configs``.
    """
    init_default_scope('mmseg')
    size = SIZES.get(name, SIZE)
    try:
        network = narrow_segmentor(str(families()[name]), CLASSES, size)
    except Exception as error:
        return dict(build=f'{type(error).__name__}: {error}')
    if name == 'san_vit-b16':
        network.pretrained = str(write_clip(network, folder / 'clip.pth'))
    data = make_data(folder / f'street_{size[0]}x{size[1]}', size)
    merged: dict[str, str] = {}
    for method in methods:
        found = run_chain(method_config(method, network, data, folder / name / method, size), METHODS[method])
        merged |= {step: merged.get(step) or text for step, text in found.items()}
    return merged


def record(results: dict[str, dict[str, str]]) -> dict[str, dict[str, bool | str | None]]:
    """Say of each family which steps went well (None: was not reached), with a remark."""
    return {
        name: {step: not result[step] if step in result else None for step in STEPS} | {'remark': _remark(name, result)}
        for name, result in results.items()
    }


def passes(result: dict[str, str]) -> bool:
    """Whether every step was taken and went well."""
    return all(result.get(step) == '' for step in STEPS)


def _remark(name: str, result: dict[str, str]) -> str:
    if not passes(result) and name in EXPECTED_FAILURES:
        return EXPECTED_FAILURES[name]
    if wrong := [text for step in STEPS if (text := result.get(step))]:
        return wrong[0].splitlines()[0][:200].replace('|', '/')
    idle = [each for each in result.get('idle', '').split(', ') if each]
    return f'{len(idle)} parameters without a gradient in stock mmseg either' if idle else ''


@contextmanager
def brief_logs() -> Iterator[None]:
    """Write configs as they are and leave the environment out, which takes longer than these runs."""
    layout, environment = 'yapf.yapflib.yapf_api.FormatCode', 'mmengine.runner.runner.collect_env'
    with patch(layout, lambda text, **_: (text, False)), patch(environment, dict):
        yield


def _quietly(name: str, folder: Path, methods: list[str]) -> dict[str, str]:
    torch.set_num_threads(1)
    logging.disable(logging.WARNING)
    try:
        with brief_logs():
            return run_family(name, folder, methods)
    except Exception:
        return dict(build=traceback.format_exc().splitlines()[-1])


def _named(folder: Path, methods: list[str], name: str) -> tuple[str, dict[str, str]]:
    return name, _quietly(name, folder, methods)


def main() -> None:
    """Run families, all by default, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('names', nargs='*', help='families; default: all')
    parser.add_argument('--methods', nargs='+', default=list(METHODS), choices=list(METHODS), help='default: all')
    parser.add_argument('--jobs', type=int, default=1, help='processes')
    parser.add_argument('--write', type=Path, help='JSON file for the results')
    args = parser.parse_args()
    names = args.names or list(families())
    context = multiprocessing.get_context('spawn')
    with tempfile.TemporaryDirectory() as folder:
        make_data(Path(folder) / f'street_{SIZE[0]}x{SIZE[1]}', SIZE)
        with context.Pool(args.jobs, maxtasksperchild=8) as pool:  # ProcessPoolExecutor hangs after the first child
            results = {}
            for name, result in pool.imap_unordered(partial(_named, Path(folder), args.methods), names):
                results[name] = result
                print(name, 'passes' if passes(result) else {k: v for k, v in result.items() if v}, flush=True)
    families_found = record({name: results[name] for name in names})
    print(sum(map(passes, results.values())), 'of', len(results), 'pass every step')
    if args.write:
        about = dict(date=date.today().isoformat(), command='make zoo', methods=args.methods)
        write_atomically(json.dumps(about | dict(families=families_found), indent=1) + '\n', args.write)
    unexpected = [name for name in names if not passes(results[name]) and name not in EXPECTED_FAILURES]
    sys.exit(f'fail unexpectedly: {unexpected}' if unexpected else 0)


if __name__ == '__main__':
    main()
