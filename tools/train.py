"""Train a method: tools/train.py CONFIG."""

import argparse
import sys

from mmengine.config import DictAction

from i2vda_mmseg.apis.command_line import run_tool
from i2vda_mmseg.apis.launch import build_runner, load_config, resume_after_restart
from i2vda_mmseg.apis.mixed_precision import use_amp
from i2vda_mmseg.apis.ranks import LAUNCHERS, leave_process_group
from i2vda_mmseg.engine.checkpoints import trust_checkpoints


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description='Train a method')
    parser.add_argument('config', help='config file, configs/<method>/<name>.py')
    parser.add_argument('--work-dir', help='where logs and checkpoints go; default work_dirs/<method>/<name>')
    parser.add_argument(
        '--resume',
        nargs='?',
        const='auto',
        metavar='auto|PATH',
        help='go on from the latest checkpoint of the work dir (auto, the default) or from a given one',
    )
    parser.add_argument(
        '--trust-checkpoint', action='store_true', help='load checkpoints even if that runs code in them'
    )
    parser.add_argument(
        '--extend', action='store_true', help="with --resume: under the config's schedule and rates, if they changed"
    )
    parser.add_argument(
        '--new-head', action='store_true', help='load_from may be of other classes: keep all but the classifier'
    )
    parser.add_argument('--amp', action='store_true', help='mixed precision: bfloat16, or float16 on older GPUs')
    parser.add_argument('--seed', type=int, help='seed of the run; default: the one of the config')
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=DictAction,
        metavar='KEY=VALUE',
        help='override settings of the config: model.pseudo_label_head.delta=0.5',
    )
    parser.add_argument('--launcher', choices=LAUNCHERS, default='none', help='how the ranks are started')
    # torchrun sets the variable LOCAL_RANK, torch.distributed.launch passes the flag
    parser.add_argument('--local_rank', '--local-rank', type=int, default=0, help=argparse.SUPPRESS)
    return parser.parse_args()


def main() -> None:
    """Build the runner and train."""
    args = parse_args()
    config = load_config(args.config, args.cfg_options, args.work_dir)
    if args.seed is not None:
        config.randomness = dict(config.get('randomness', {}), seed=args.seed)
    if args.amp:
        use_amp(config)
    trust_checkpoints(args.trust_checkpoint)
    resume_after_restart(config, args.resume)
    runner = build_runner(config, args.launcher)
    runner.extends, runner.new_head = args.extend, args.new_head
    try:
        runner.train()
    except SystemExit as preempted:  # a checkpoint has been saved
        leave_process_group(int(preempted.code or 0))
        sys.exit(preempted.code)
    leave_process_group()


if __name__ == '__main__':
    run_tool(main)
