"""Export a checkpoint: tools/export.py CHECKPOINT OUT [--format onnx openvino pt2 executorch].

``mmseg``, the default, is a checkpoint that stock MMSegmentation loads. The others run without this project, and are
run and compared with PyTorch before they have their names.
"""

import argparse
import logging
from pathlib import Path

from mmengine.config import Config, DictAction
from rich.console import Console

from i2vda_mmseg.apis.command_line import run_tool
from i2vda_mmseg.apis.export import check_export, export_checkpoint, stock_config
from i2vda_mmseg.apis.export_check import Comparison
from i2vda_mmseg.apis.export_formats import FORMATS
from i2vda_mmseg.apis.export_runtimes import INPUT_TYPES, PRECISIONS, ExportSettings, export_runtimes
from i2vda_mmseg.apis.export_testing import compare_miou
from i2vda_mmseg.apis.launch import load_config
from i2vda_mmseg.apis.sample_frames import sample_frames
from i2vda_mmseg.engine.checkpoints import trust_checkpoints
from i2vda_mmseg.errors import ConfigError
from i2vda_mmseg.fileio.atomic import require_another_file, write_atomically
from i2vda_mmseg.reporting.run_record import read_run
from i2vda_mmseg.runtime import OUTPUTS


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description='Export a checkpoint, for stock MMSegmentation or a runtime')
    parser.add_argument('checkpoint', help='checkpoint of a method')
    parser.add_argument('out', help='file to write; each format gives it its own ending')
    parser.add_argument(
        '--format', nargs='+', choices=('mmseg', *FORMATS), default=['mmseg'], help='one or several; default: mmseg'
    )
    parser.add_argument(
        '--config',
        help='config of the method; default for a runtime: the one that the run saved beside its checkpoints. With '
        'mmseg: also write its EncoderDecoder config beside OUT, as .py',
    )
    parser.add_argument(
        '--cfg-options', nargs='+', action=DictAction, metavar='KEY=VALUE', help='the settings that training overrode'
    )
    runtime = parser.add_argument_group('for a runtime')
    runtime.add_argument(
        '--output', nargs='+', choices=OUTPUTS, default=['logits'], help='what it gives, at the size of the frames'
    )
    runtime.add_argument('--input', choices=INPUT_TYPES, default='uint8', help='type of the frames, RGB in 0..255')
    runtime.add_argument('--precision', choices=PRECISIONS, default='fp32', help='int8 is calibrated on the frames')
    runtime.add_argument(
        '--frames', metavar='SOURCE', help="video or folder to compare and calibrate on; default: the config's target"
    )
    runtime.add_argument('--calibration-frames', type=int, default=32, metavar='N', help='of them, for int8')
    parser.add_argument('--trust-checkpoint', action='store_true', help='load it even if that runs code in it')
    return parser.parse_args()


def main() -> None:
    """Read the command line and export."""
    args = parse_args()
    trust_checkpoints(args.trust_checkpoint)
    if 'mmseg' in args.format:
        out = stock_path(args)
        require_another_file(out, args.checkpoint, 'the checkpoint to export')
        if args.config:
            require_another_file(out.with_suffix('.py'), args.config, 'the config of the method')
    if runtimes := [name for name in args.format if name != 'mmseg']:
        export_for_runtimes(args, tuple(runtimes))
    if 'mmseg' in args.format:
        export_for_mmseg(args)


def stock_path(args: argparse.Namespace) -> Path:
    """Name the checkpoint for stock MMSegmentation."""
    return Path(args.out) if args.format == ['mmseg'] else Path(args.out).with_suffix('.pth')


def export_for_mmseg(args: argparse.Namespace) -> None:
    """Write a checkpoint of the segmentor, and with ``--config`` its config."""
    out = stock_path(args)
    print(f'checkpoint: {export_checkpoint(args.checkpoint, str(out))}')
    if args.config:
        path = out.with_suffix('.py')
        config = stock_config(load_config(args.config, args.cfg_options))
        check_export(config, out)
        write_atomically(config.pretty_text, path)
        print(f'config: {path}')


def export_for_runtimes(args: argparse.Namespace, formats: tuple[str, ...]) -> None:
    """Write the files, each compared with PyTorch, and print how near they are."""
    if not Path(args.checkpoint).is_file():
        raise FileNotFoundError(f'no checkpoint at {args.checkpoint}')
    config = config_of(args)
    settings = ExportSettings(formats, tuple(args.output), args.input, args.precision, args.calibration_frames)
    images, source = sample_frames(
        config, max(2, args.calibration_frames if args.precision == 'int8' else 2), args.frames
    )
    print(f'compared on frames of {source}')
    logging.getLogger('mmengine').setLevel(logging.WARNING)
    with Console(stderr=True).status('exporting') as status:
        exported = export_runtimes(config, args.checkpoint, args.out, images, settings, status.update)
    for path, comparisons in exported.items():
        print(f'{path}:')
        for comparison in comparisons:
            print(f'  {describe(comparison)}')
    if args.precision != 'fp32':
        found = compare_miou(config, args.checkpoint, list(exported))
        shown = ', '.join(f'{name} {value:.2f}' for name, value in (found or {}).items())
        print(f'mIoU: {shown or "not measured, the labelled frames of the config are not on this disk"}')


def config_of(args: argparse.Namespace) -> Config:
    """Load the config that was given, or the one that the run saved beside its checkpoints."""
    if args.config:
        return load_config(args.config, args.cfg_options)
    record = read_run(Path(args.checkpoint).parent)
    if record.config is None:
        raise ConfigError(f'{args.checkpoint}: {record.missing[-1]}; give the config of the run with --config')
    return load_config(record.config.filename, args.cfg_options)


def describe(comparison: Comparison) -> str:
    """One comparison in a line."""
    frames = f'{comparison.batch} frame{"s" * (comparison.batch > 1)} of {comparison.width}x{comparison.height}'
    largest = f'largest difference {comparison.difference:.2g} of scores up to {comparison.scale:.3g}; '
    scores = '' if comparison.difference != comparison.difference else largest  # labels alone: nan
    return (
        f'{frames}: {scores}labels equal {100 * comparison.agreement:.2f} % where decided '
        f'({100 * comparison.decided:.2f} % of the pixels), {100 * comparison.equal:.2f} % everywhere'
    )


if __name__ == '__main__':
    run_tool(main)
