"""Export a checkpoint for stock MMSegmentation: tools/export.py CHECKPOINT OUT [--config CONFIG]."""

import argparse
from pathlib import Path

from mmengine.config import DictAction

from i2vda_mmseg.apis.command_line import run_tool
from i2vda_mmseg.apis.export import check_export, export_checkpoint, stock_config
from i2vda_mmseg.apis.launch import load_config
from i2vda_mmseg.engine.checkpoints import trust_checkpoints
from i2vda_mmseg.fileio.atomic import write_atomically


def main() -> None:
    """Read the command line and export."""
    parser = argparse.ArgumentParser(description='Export a checkpoint for stock MMSegmentation')
    parser.add_argument('checkpoint', help='checkpoint of a method')
    parser.add_argument('out', help='checkpoint to write: an EncoderDecoder and its class names')
    parser.add_argument(
        '--config', help='config of the method: also write its EncoderDecoder config beside OUT, as .py'
    )
    parser.add_argument(
        '--cfg-options', nargs='+', action=DictAction, metavar='KEY=VALUE', help='the settings that training overrode'
    )
    parser.add_argument('--trust-checkpoint', action='store_true', help='load it even if that runs code in it')
    args = parser.parse_args()
    trust_checkpoints(args.trust_checkpoint)
    print(f'checkpoint: {export_checkpoint(args.checkpoint, args.out)}')
    if args.config:
        path = Path(args.out).with_suffix('.py')
        config = stock_config(load_config(args.config, args.cfg_options))
        check_export(config, args.out)
        write_atomically(config.pretty_text, path)
        print(f'config: {path}')


if __name__ == '__main__':
    run_tool(main)
