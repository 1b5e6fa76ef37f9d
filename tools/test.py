"""Test a checkpoint, or an export of it: tools/test.py CONFIG CHECKPOINT. Writes metrics.json into the work dir."""

import argparse
import json
import os
import time
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config, DictAction
from mmengine.dist import is_main_process

from i2vda_mmseg.apis.command_line import run_tool
from i2vda_mmseg.apis.export_testing import require_labels_suffice, use_export
from i2vda_mmseg.apis.launch import build_runner, load_config
from i2vda_mmseg.apis.ranks import LAUNCHERS, leave_process_group
from i2vda_mmseg.apis.testing import (
    add_temporal_consistency,
    clip_counts,
    interval_figures,
    protocol_facts,
    protocol_of,
    tc_facts,
    use_protocol,
)
from i2vda_mmseg.apis.tta import TTA_RATIOS, augment_test, average_predictions
from i2vda_mmseg.datasets.checking.index import find_datasets
from i2vda_mmseg.engine.checkpoints import trust_checkpoints
from i2vda_mmseg.engine.exported_segmentor import is_export
from i2vda_mmseg.errors import ConfigError
from i2vda_mmseg.evaluation import PROTOCOLS, TC_PRESETS, write_clip_counts, write_metrics
from i2vda_mmseg.evaluation.bootstrap import DRAWS, LEVEL, SEED
from i2vda_mmseg.evaluation.clip_counts import CLIPS_FILE
from i2vda_mmseg.reporting.confusion_chart import draw_confusion, largest_confusions


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description='Test a checkpoint')
    parser.add_argument('config', help='config file, configs/<method>/<name>.py')
    parser.add_argument(
        'checkpoint', help='of a method, or of a plain EncoderDecoder; or an export of it: .onnx, .xml, .pt2'
    )
    parser.add_argument('--trust-checkpoint', action='store_true', help='load it even if that runs code in it')
    parser.add_argument('--work-dir', help='where metrics.json goes; default work_dirs/<method>/<name>')
    parser.add_argument('--protocol', choices=PROTOCOLS, help="what mIoU is about; default the config's")
    parser.add_argument('--tc', action='store_true', help='measure temporal consistency on whole clips, too')
    parser.add_argument('--tc-preset', choices=TC_PRESETS, help="how; default that of the config's tc_evaluator: clean")
    parser.add_argument('--tc-clips', metavar='LIST', help='text file of the clips to take; default all')
    parser.add_argument(
        '--tc-flow',
        default='config',
        metavar='SOURCE',
        help="optical flow: 'config' (its tc_evaluator), 'model' (that of its model) or a flow cache's folder",
    )
    parser.add_argument('--confusion', action='store_true', help='write which class is taken for which, and draw it')
    parser.add_argument(
        '--tta',
        nargs='*',
        type=float,
        metavar='RATIO',
        help='average over these ratios of the size, mirrored and not; none named: 0.5 to 1.75, as MMSegmentation does',
    )
    parser.add_argument(
        '--out',
        metavar='DIR',
        help='folder for the predictions: PNG files of class indices, in folders as below data_root',
    )
    parser.add_argument('--show-dir', metavar='DIR', help='folder for pictures of the predictions')
    parser.add_argument('--show', action='store_true', help='show the predictions in a window')
    parser.add_argument('--wait-time', type=float, default=2, help='seconds that --show waits after each')
    parser.add_argument(
        '--cfg-options', nargs='+', action=DictAction, metavar='KEY=VALUE', help='override settings of the config'
    )
    parser.add_argument('--launcher', choices=LAUNCHERS, default='none', help='how the ranks are started')
    parser.add_argument('--local_rank', '--local-rank', type=int, default=0, help=argparse.SUPPRESS)
    return parser.parse_args()


def main() -> None:
    """Build the runner, test and write metrics.json."""
    args = parse_args()
    if not Path(args.checkpoint).is_file() and '://' not in args.checkpoint:
        raise FileNotFoundError(f'no checkpoint at {args.checkpoint}')
    trust_checkpoints(args.trust_checkpoint)
    config = load_config(args.config, args.cfg_options, args.work_dir)
    config.load_from, config.resume = args.checkpoint, False
    card = use_export(config, args.checkpoint) if is_export(args.checkpoint) else None
    if config.get('test_dataloader') is None:
        raise ConfigError('test_dataloader: there is none to test on; tools/segment_video.py measures without labels')
    add_what_is_asked_for(config, args)
    facts = protocol_facts(protocol_of(config), args.checkpoint)
    if card is not None:
        require_labels_suffice(config)
        facts['exported_from'] = dict(checkpoint=card.checkpoint, sha256=card.sha256, precision=card.precision)
    facts.update(checkpoint=args.checkpoint, config=args.config, **(tc_facts(config) if args.tc else {}))
    runner = build_runner(config, args.launcher)
    if args.tta is not None:
        average_predictions(runner)
        facts.update(tta=dict(ratios=args.tta, mirrored=True))
    metrics = runner.test()
    if is_main_process():
        counts = clip_counts(runner)
        facts.update(date=time.strftime('%Y-%m-%d'), labelled_frames=len(runner.test_dataloader.dataset))
        facts.update(threads=torch.get_num_threads(), bootstrap=dict(draws=DRAWS, level=LEVEL, seed=SEED, over='clips'))
        path = write_metrics(Path(config.work_dir) / 'metrics.json', metrics | interval_figures(counts), **facts)
        write_clip_counts(path.with_name(CLIPS_FILE), counts)
        print(f'metrics: {path}')
        if args.confusion:
            show_confusion(path.with_name('confusion.json'))
    leave_process_group()


def add_what_is_asked_for(config: Config, args: argparse.Namespace) -> None:
    """Change the config's test as the command line says."""
    if args.protocol:
        use_protocol(config, args.protocol)
    if args.tc:
        add_temporal_consistency(config, args.tc_preset, args.tc_clips, args.tc_flow)
    if args.out:
        write_predictions(config, args.out)
    if args.confusion:
        add_metric(config, dict(type='ConfusionMatrix', out=str(Path(config.work_dir) / 'confusion.json')))
    if args.tta is not None:
        if is_export(args.checkpoint):
            raise ConfigError(
                '--tta reads frames at several sizes, but an export resizes them itself; test the checkpoint'
            )
        args.tta = args.tta or list(TTA_RATIOS)
        if args.tc:
            raise ConfigError('--tta and --tc: temporal consistency is of single predictions; test twice')
        augment_test(config, args.tta)
    if args.show or args.show_dir:
        show_predictions(config, args)


def write_predictions(config: Config, out: str) -> None:
    """Let a metric write every prediction, in the folders that the images have below the data root they share."""
    datasets = find_datasets(dict(test_dataloader=config.test_dataloader)).values()
    roots = [dataset.get('data_root') or (dataset.get('data_prefix') or {}).get('img_path') for dataset in datasets]
    known = [os.path.abspath(root) for root in roots if root]
    data_root = os.path.commonpath(known) if known else None
    add_metric(config, dict(type='PredictionWriter', out=out, data_root=data_root))


def add_metric(config: Config, metric: dict[str, Any]) -> None:
    """Test with one more metric."""
    evaluators = [config.test_evaluator] if isinstance(config.test_evaluator, dict) else config.test_evaluator
    config.test_evaluator = [*evaluators, metric]


def show_confusion(path: Path) -> None:
    """Draw the matrix beside its file, and print the largest mistakes."""
    matrix = json.loads(path.read_text(encoding='utf-8'))
    print(f'confusion: {path}, {draw_confusion(matrix, path.with_suffix(".png"))}')
    for label, predicted, share in largest_confusions(matrix):
        print(f'  {share:5.1f} % of {label} taken for {predicted}')


def show_predictions(config: Config, args: argparse.Namespace) -> None:
    """Let the visualization hook draw every prediction."""
    config.default_hooks.visualization.update(draw=True, show=args.show, wait_time=args.wait_time, interval=1)
    if args.show_dir:
        config.visualizer.save_dir = args.show_dir


if __name__ == '__main__':
    run_tool(main)
