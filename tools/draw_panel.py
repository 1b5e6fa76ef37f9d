"""Draw what I2VDA sees and learns from in one pair of frames: tools/draw_panel.py CONFIG CHECKPOINT --out panel.png."""

import argparse
import sys
from pathlib import Path

from mmengine.config import Config, DictAction
from mmseg.registry import MODELS

from i2vda_mmseg.apis.command_line import run_tool
from i2vda_mmseg.apis.launch import load_config
from i2vda_mmseg.engine.checkpoints import load_weights, trust_checkpoints
from i2vda_mmseg.engine.panels import target_cells
from i2vda_mmseg.fileio.images import write_image
from i2vda_mmseg.models.segmentors import DomainAdaptiveSegmentor
from i2vda_mmseg.reporting.pairs import LabelledPair, pairs_of
from i2vda_mmseg.visualization import draw_panel, label_to_rgb

DRAWN_T = 0.5  # training draws t anew each iteration; a picture shows the frame half way
TRUTH = 'Ground truth of I_{1}'


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description='Draw frames, flow, pseudo-labels and prediction of one pair')
    parser.add_argument(
        'config', help='config file of I2VDA, or of a method with model.temporal: configs/i2vda/<name>.py'
    )
    parser.add_argument('checkpoint', help='checkpoint of I2VDA, of another method, or of a plain EncoderDecoder')
    parser.add_argument('--trust-checkpoint', action='store_true', help='load it even if that runs code in it')
    parser.add_argument('--out', required=True, type=Path, metavar='FILE', help='picture to write, like panel.png')
    parser.add_argument('--index', type=int, default=0, help='which frame of the val data, else of the target, from 0')
    parser.add_argument('--split', help="split to take instead of the val data set's own, like train")
    parser.add_argument(
        '--cfg-options', nargs='+', action=DictAction, metavar='KEY=VALUE', help='override settings of the config'
    )
    return parser.parse_args()


def main() -> None:
    """Build the model, read the pair, and write the panel."""
    args = parse_args()
    if not Path(args.checkpoint).is_file() and '://' not in args.checkpoint:
        raise FileNotFoundError(f'no checkpoint at {args.checkpoint}')
    trust_checkpoints(args.trust_checkpoint)
    config = load_config(args.config, args.cfg_options)
    model = build_model(config, args.config)
    load_weights(model, args.checkpoint)
    pair, metainfo = read_pair(config, args.split, args.index)
    cells, sharp = target_cells(model, pair.target, metainfo['palette'])
    if pair.labels is not None:
        cells.append((TRUTH, label_to_rgb(pair.labels, metainfo['palette'])))
        sharp.append(TRUTH)
    panel = draw_panel(
        cells,
        nearest=sharp,
        legend=[*zip(metainfo['classes'], metainfo['palette']), ('ignored', (0, 0, 0))],
        title=' · '.join((Path(args.config).stem, Path(args.checkpoint).name, pair.name)),
    )
    write_image(args.out, panel)
    print(f'panel: {args.out}')


def build_model(config: Config, name: str) -> DomainAdaptiveSegmentor:
    """Build the model in eval mode, with t fixed for drawing; leave if the config is of another method."""
    model = MODELS.build(config.model)
    if getattr(model, 'temporal', None) is None:
        sys.exit(
            f'draw_panel: {name} builds {type(model).__name__}, which has no flow and no proxy; give an I2VDA config, '
            'or one with model.temporal'
        )
    if model.temporal.temporal_augmentation is not None:
        model.temporal.temporal_augmentation.t = DRAWN_T
    return model.eval()


def read_pair(config: Config, split: str | None, index: int) -> tuple[LabelledPair, dict]:
    """Read a frame with the one before it, labelled where labels are, and the meta information of its data set."""
    pairs = pairs_of(config, split)
    if not 0 <= index < len(pairs):
        sys.exit(f'draw_panel: --index {index} is not in 0..{len(pairs) - 1}, the frames that there are')
    return pairs[index], pairs.metainfo


if __name__ == '__main__':
    run_tool(main)
