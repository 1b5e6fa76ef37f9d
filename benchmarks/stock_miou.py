"""Does a network learn in a method as it does in stock MMSegmentation? mIoU of both on the same frames.

A network of MMSegmentation's configs, narrow enough for a CPU, is trained on StreetWorld's source images: by mmengine's
runner as a stock ``EncoderDecoder``, and by ``SourceOnly``, with the same initial weights, samples, optimizer and
iterations, and without dropout, which draws otherwise in both. Both are tested on the target's labelled frames.

    python benchmarks/stock_miou.py [knet/knet-s3_r50-d8_fcn_8xb2-adamw-80k_ade20k-512x512.py] [--iterations 600]
"""

import argparse
import logging
import sys
import tempfile
from copy import deepcopy
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmengine.runner import Runner
from mmengine.runner.checkpoint import save_checkpoint
from mmseg.registry import MODELS

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / 'tests'))

from zoo.chain import method_config  # noqa: E402 - after the path is set
from zoo.families import CONFIGS  # noqa: E402
from zoo.shrink import narrow_segmentor  # noqa: E402

from i2vda_mmseg.apis.launch import build_runner  # noqa: E402
from i2vda_mmseg.datasets.class_spaces import CLASSES_15  # noqa: E402
from i2vda_mmseg.streetworld import make_streetworld  # noqa: E402

SIZE = (96, 192)  # height and width


def main() -> None:
    """Train and test both, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('network', nargs='?', default='knet/knet-s3_r50-d8_fcn_8xb2-adamw-80k_ade20k-512x512.py')
    parser.add_argument('--iterations', type=int, default=600)
    parser.add_argument('--seed', type=int, default=0)
    parser.add_argument('--dropout', action='store_true', help='with the dropout of the config: figures vary')
    args = parser.parse_args()
    init_default_scope('mmseg')
    logging.disable(logging.WARNING)
    network = narrow_segmentor(str(CONFIGS / args.network), list(CLASSES_15), SIZE)
    if not args.dropout:
        without_dropout(network)
    torch.manual_seed(args.seed)
    segmentor = MODELS.build(network)
    segmentor.init_weights()
    with tempfile.TemporaryDirectory() as folder:
        data = make_streetworld(
            Path(folder, 'street'), images=120, synthia_images=0, clips=8, val_clips=30, frames=2, size=SIZE,
            seed=args.seed, progress=False,
        )  # fmt: skip
        start = Path(folder, 'start.pth')
        save_checkpoint(dict(state_dict=segmentor.state_dict()), str(start))
        config = method_config('source_only', network, data, Path(folder, 'run'), SIZE)
        config.merge_from_dict(
            dict(load_from=str(start), randomness=dict(seed=args.seed))
            | {'train_cfg.max_iters': args.iterations, 'model.batch_statistics': 'shared'}
        )
        ours = trained(build_runner(deepcopy(config)))
        stock = trained(stock_runner(config))
    print(f'{args.network}, {args.iterations} iterations: mIoU {stock:.2f} in stock mmseg, {ours:.2f} in SourceOnly')
    print(f'ratio {ours / stock:.3f}')


def without_dropout(value: Any) -> None:
    """Set all rates of dropout in a config to 0."""
    for key, each in value.items() if isinstance(value, dict) else enumerate(value):
        if isinstance(each, (dict, list, tuple)):
            without_dropout(each)
        elif 'drop' in str(key) and isinstance(each, float):
            value[key] = 0.0


def trained(runner: Runner) -> float:
    """Train and test; returns mIoU in percent."""
    runner.train()
    return float(runner.test()['mIoU'])


def stock_runner(config: Config) -> Runner:
    """Build the same run for a stock segmentor: its own ``loss`` on the source samples, in the same order."""
    config = deepcopy(config)
    preprocessor = dict(config.model.data_preprocessor, type='SegDataPreProcessor', size=SIZE)
    config.model = dict(config.model.segmentor, data_preprocessor=preprocessor)
    config.optim_wrapper = config.optim_wrapper.segmentor
    config.work_dir += '_stock'
    config.default_hooks = {name: hook for name, hook in config.default_hooks.items() if name in {'logger', 'timer'}}
    config.model_wrapper_cfg = None
    runner = Runner.from_cfg(config)
    runner.model.data_preprocessor = SourceOfPairs(runner.model.data_preprocessor)
    return runner


class SourceOfPairs(torch.nn.Module):
    """Hand the source of a domain pair to a stock preprocessor, and anything else as it is."""

    def __init__(self, preprocessor: Any) -> None:
        super().__init__()
        self.preprocessor = preprocessor

    def forward(self, data: dict, training: bool = False) -> dict:
        """Preprocess a batch."""
        return self.preprocessor(data.get('source', data), training)


if __name__ == '__main__':
    main()
