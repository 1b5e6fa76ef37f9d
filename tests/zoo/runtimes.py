"""Exports families of MMSegmentation to every runtime, and writes results/zoo_exports.json: python -m zoo.runtimes."""

import argparse
import json
import logging
import multiprocessing
import tempfile
import traceback
import warnings
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.registry import init_default_scope
from mmseg.registry import MODELS
from zoo.chain import make_data, method_config
from zoo.families import EXPECTED_FAILURES, SIZE, SIZES, families
from zoo.run import CLASSES
from zoo.shrink import narrow_segmentor, write_clip

from i2vda_mmseg.apis.export_runtimes import ExportSettings, export_runtimes
from i2vda_mmseg.errors import ConfigError
from i2vda_mmseg.fileio.atomic import write_atomically

FORMATS = ('onnx', 'openvino', 'pt2')  # what is in the tested environment
FRAMES = list(np.random.default_rng(0).integers(256, size=(2, 96, 144, 3), dtype=np.uint8))


def export_family(name: str, folder: Path, formats: tuple[str, ...] = FORMATS) -> dict[str, str]:
    """Export a family with random weights; by format the reason why not, or ''.

    Args:
        name: Of ``families()``.
        folder: For data and exports.
        formats: Of ``FORMATS``.
    """
    init_default_scope('mmseg')
    size = SIZES.get(name, SIZE)
    network = narrow_segmentor(str(families()[name]), CLASSES, size)
    network.test_cfg = dict(mode='whole')  # windows are refused, with a sentence of their own
    if name == 'san_vit-b16':
        network.pretrained = str(write_clip(network, folder / 'clip.pth'))
    config = method_config(
        'source_only', network, make_data(folder / f'street_{size[0]}x{size[1]}', size), folder, size
    )
    torch.manual_seed(0)
    checkpoint = folder / f'{name}.pth'
    torch.save(dict(state_dict=MODELS.build(config.model).state_dict(), meta={}), checkpoint)
    found = _exported(config, checkpoint, formats)
    failed = len(formats) > 1 and any(found.values())
    return {each: _exported(config, checkpoint, (each,))[each] for each in formats} if failed else found


def _exported(config: Any, checkpoint: Path, formats: tuple[str, ...]) -> dict[str, str]:
    try:
        export_runtimes(config, checkpoint, checkpoint.with_suffix(''), FRAMES, ExportSettings(formats))
    except (ValueError, ConfigError) as error:  # what a person is told; anything else is a defect
        return dict.fromkeys(formats, str(error))
    return dict.fromkeys(formats, '')


def _quietly(folder: Path, name: str) -> tuple[str, dict[str, str]]:
    torch.set_num_threads(1)
    logging.disable(logging.WARNING)
    warnings.simplefilter('ignore')
    if name in EXPECTED_FAILURES:
        return name, dict.fromkeys(FORMATS, EXPECTED_FAILURES[name])
    try:
        return name, export_family(name, folder)
    except Exception:
        return name, dict.fromkeys(FORMATS, f'DEFECT {traceback.format_exc().splitlines()[-1]}')


def main() -> None:
    """Export families, all by default, and print what came of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('names', nargs='*', help='families; default: all')
    parser.add_argument('--jobs', type=int, default=1, help='processes')
    parser.add_argument('--write', type=Path, help='JSON file for the results, written after each')
    args = parser.parse_args()
    names, results = args.names or list(families()), {}
    with tempfile.TemporaryDirectory() as folder:
        make_data(Path(folder) / f'street_{SIZE[0]}x{SIZE[1]}', SIZE)
        with multiprocessing.get_context('spawn').Pool(args.jobs, maxtasksperchild=8) as pool:
            for name, result in pool.imap_unordered(partial(_quietly, Path(folder)), names):
                results[name] = result
                print(name, {k: v for k, v in result.items() if v} or 'exports', flush=True)
                if args.write:
                    kept = {each: results[each] for each in names if each in results}
                    about = dict(date=date.today().isoformat(), command='python -m zoo.runtimes', families=kept)
                    write_atomically(json.dumps(about, indent=1) + '\n', args.write)
    print(sum(not any(each.values()) for each in results.values()), 'of', len(results), 'export to every format')


if __name__ == '__main__':
    main()
