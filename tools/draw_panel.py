"""Draw what I2VDA sees and learns from in one pair of frames: tools/draw_panel.py CONFIG CHECKPOINT --out panel.png."""

import argparse
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from mmengine.config import Config, DictAction
from mmengine.runner import load_checkpoint
from mmseg.registry import DATASETS, MODELS
from PIL import Image

from i2vda_mmseg.engine.checkpoints import trust_checkpoints
from i2vda_mmseg.engine.launch import load_config
from i2vda_mmseg.engine.panels import target_cells
from i2vda_mmseg.models.segmentors import I2VDA
from i2vda_mmseg.visualization import draw_panel, label_to_rgb

DRAWN_T = 0.5  # training draws t anew each iteration; a picture shows the frame half way


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description='Draw frames, flow, pseudo-labels and prediction of one pair')
    parser.add_argument('config', help='config file of an I2VDA model, configs/i2vda/<name>.py')
    parser.add_argument('checkpoint', help='checkpoint of I2VDA, of another method, or of a plain EncoderDecoder')
    parser.add_argument('--trust-checkpoint', action='store_true', help='load it even if that runs code in it')
    parser.add_argument('--out', required=True, type=Path, metavar='FILE', help='picture to write, like panel.png')
    parser.add_argument('--index', type=int, default=0, help='which labelled frame of the val data set, from 0')
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
    load_checkpoint(model, args.checkpoint, map_location='cpu', strict=False)
    target, labels, metainfo = read_pair(config, args.split, args.index)
    frame_name = Path(target['data_samples'][0].img_path).stem
    cells, sharp = target_cells(model, target, metainfo['palette'])
    truth = 'Ground truth of I_{1}'
    cells.append((truth, label_to_rgb(labels, metainfo['palette'])))
    panel = draw_panel(
        cells,
        nearest=[*sharp, truth],
        legend=[*zip(metainfo['classes'], metainfo['palette']), ('ignored', (0, 0, 0))],
        title=' · '.join((Path(args.config).stem, Path(args.checkpoint).name, frame_name)),
    )
    args.out.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(panel).save(args.out)
    print(f'panel: {args.out}')


def build_model(config: Config, name: str) -> I2VDA:
    """Build the model in eval mode, with t fixed for drawing; leave if the config is of another method."""
    model = MODELS.build(config.model)
    if not isinstance(model, I2VDA):
        sys.exit(
            f'draw_panel: {name} builds {type(model).__name__}, which has no flow and no proxy; give an I2VDA config'
        )
    if model.temporal_augmentation is not None:
        model.temporal_augmentation.t = DRAWN_T
    return model.eval()


def read_pair(config: Config, split: str | None, index: int) -> tuple[dict[str, Any], np.ndarray, dict]:
    """Read a labelled frame with the one before it.

    The frames go through the pipeline of the training's target, so that they have the size that the model is trained
    on (a pipeline with random crops or flips would move them off the ground truth); the labels go through the pipeline
    of the val data set, and are resized to that size without blending.

    Returns:
        ``dict(frames=(1, 2, 3, H, W) float32 RGB 0..255, data_samples)`` as the model's preprocessor makes it, the
        labels (H, W), uint8, and the data set's meta information.
    """
    settings = dict(config.val_dataloader.dataset, lazy_init=False)
    if split is not None:
        settings['split'] = split
        for key in ('data_prefix', 'ann_file'):  # they name the folders and the list of the other split
            settings.pop(key, None)
    labelled = DATASETS.build(settings)
    if not 0 <= index < len(labelled):
        sys.exit(f'draw_panel: --index {index} is not in 0..{len(labelled) - 1}, the labelled frames of the split')
    pipeline = config.train_dataloader.dataset.target.pipeline
    pairs = DATASETS.build(dict(settings, pairs='labelled', pipeline=pipeline))
    path = labelled.get_data_info(index)['img_path']
    pair = next(pairs[i] for i in range(len(pairs)) if pairs.get_data_info(i)['img_path'] == path)
    frames = pair['inputs'][None].float().flip(2)  # (1, 2, 3, H, W); pipelines give BGR
    height, width = frames.shape[-2:]
    labels = labelled[index]['data_samples'].gt_sem_seg.data[0].numpy().astype(np.uint8)
    labels = cv2.resize(labels, (width, height), interpolation=cv2.INTER_NEAREST)
    return dict(frames=frames, data_samples=[pair['data_samples']]), labels, labelled.metainfo


if __name__ == '__main__':
    main()
