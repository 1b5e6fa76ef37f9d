"""Seconds an optical-flow estimator takes for a pair of frames, and its share of a training step of I2VDA.

Each network of mmflow is timed as it stands, with a loop over displacements for the correlation (mmcv has none
without compiled ops), and as ``MMFlow`` runs it, with the correlation in plain PyTorch and, where it was built,
mmcv's. All have the same random weights. The variants of a network are timed in turn, warm; given is the least of
each, which other work on the machine disturbs least, and the ratio of the two.

A training step is one ``train_step`` of configs/i2vda/deeplabv2_r101_viper2cs.py (one source image, one target pair,
all frames of ``--size``) with a flow estimator that returns zeros: all but the flow. A step estimates three pairs:
F_01, F_10 and F_1t. The share is three times the seconds a pair over that plus the step without flow.

    python benchmarks/flow.py [--size 512x1024 --repeats 5 --device cpu]
"""

import argparse
import time
import warnings
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from correlation import device_name, double_loop
from mmengine.logging import MMLogger
from mmengine.optim import build_optim_wrapper
from mmengine.registry import DefaultScope
from mmseg.registry import MODELS
from rich.console import Console
from rich.table import Table
from torch import Tensor, nn
from train_step import batch

from i2vda_mmseg.apis.launch import load_config
from i2vda_mmseg.compat import compiled_correlation, importable_mmflow, return_flow_fields
from i2vda_mmseg.flow import DISFlow, FlowEstimator, MMFlow
from i2vda_mmseg.flow.models import NETWORKS
from i2vda_mmseg.flow.models.layers import Correlation

CONFIG = Path(__file__).resolve().parents[1] / 'configs' / 'i2vda' / 'deeplabv2_r101_viper2cs_dis.py'
PASSES = 3  # F_01, F_10 and F_1t
AS_IT_STANDS = 'mmflow as it stands'


class LoopCorrelation(nn.Module):
    """The obvious correlation: one displacement after the other."""

    def __init__(self, layer: Correlation) -> None:
        super().__init__()
        self.options = layer.max_displacement, layer.dilation_patch
        self.kernel_size = layer.kernel_size

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        """Correlate two feature maps (N, C, H, W)."""
        return double_loop(a.contiguous(), b.contiguous(), *self.options)


class AsItStands(MMFlow):
    """mmflow's network as its authors left it, with the weights of ``other``."""

    def __init__(self, model: str, other: MMFlow) -> None:
        super().__init__(model, correlation='torch')
        cfg = NETWORKS[model]()
        cfg.pop('data_preprocessor')
        with importable_mmflow(Correlation), DefaultScope.overwrite_default_scope('mmflow'):
            models = import_module('mmflow.models')
            self.network = models.build_flow_estimator(cfg).eval()
        return_flow_fields(self.network)
        for block in self.network.modules():
            if isinstance(block, models.CorrBlock):
                block.corr_block[0] = LoopCorrelation(block.corr_block[0])
        self.network.load_state_dict(other.network.state_dict())

    def estimate(self, frame_a: Tensor, frame_b: Tensor, keys: Any) -> Tensor:
        """Run the network on weights in their usual layout."""
        return self._chunk(frame_a, frame_b)


class NoFlow(FlowEstimator):
    """Nothing moves: what a step without flow takes."""

    def estimate(self, frame_a: Tensor, frame_b: Tensor, keys: Any) -> Tensor:
        """Give zeros."""
        return torch.zeros_like(frame_a[:, :2])


def main() -> None:
    """Print one table."""
    args = parse_args()
    warnings.filterwarnings('ignore', message='.*has random weights')
    MMLogger.get_instance('mmengine', log_level='WARNING')  # one table, no lines about each parameter
    torch.manual_seed(0)
    frames = moved_frames(args.size, args.device)
    step = step_seconds(args.size, args.device)
    height, width = args.size
    where = f'{device_name(torch.device(args.device))}, torch {torch.__version__}'
    table = Table('estimator', 'variant', 's a pair', 'times as fast', 'largest difference', 'share of a step')
    table.title = f'{height}x{width}, {where}, least of {args.repeats}; a step without flow takes {step:.2f} s'
    for name, build in dict(DIS=dis, pwcnet=network, raft=network, flownet2=network).items():
        add_rows(table, name, build(name), frames, args, step)
    Console(width=120).print(table)


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description='Time optical-flow estimators')
    parser.add_argument('--size', type=parse_size, default=(512, 1024), metavar='HxW')
    parser.add_argument('--repeats', type=int, default=5, help='timed calls of each variant, in turn')
    parser.add_argument('--device', default='cuda' if torch.cuda.is_available() else 'cpu')
    return parser.parse_args()


def parse_size(text: str) -> tuple[int, int]:
    """Read '512x1024'."""
    height, width = map(int, text.split('x'))
    return height, width


def moved_frames(size: tuple[int, int], device: str) -> tuple[Tensor, Tensor]:
    """Make a textured frame and the same two pixels further, (1, 3, H, W), 0..255."""
    coarse = torch.rand(1, 3, size[0] // 8, size[1] // 8)
    frame = 255 * F.interpolate(coarse, size, mode='bicubic').clamp(0, 1).to(device)
    return frame, frame.roll(2, -1)


def step_seconds(size: tuple[int, int], device: str) -> float:
    """Time the second of two training steps without flow."""
    config = load_config(str(CONFIG))
    config.model.segmentor.backbone.init_cfg = None
    model = MODELS.build(config.model)
    model.flow_estimator = NoFlow()
    model.to(device).train()
    optimizers = build_optim_wrapper(model, config.optim_wrapper)
    data = batch(size, model.num_classes)
    model.train_step(data, optimizers)
    return seconds(lambda: model.train_step(data, optimizers), device)


def dis(_: str) -> dict[str, FlowEstimator]:
    """Build the estimator of OpenCV."""
    return {'medium': DISFlow()}


def network(name: str) -> Mapping[str, FlowEstimator | None]:
    """Build all variants of a network; None: there is no such thing here."""
    ours = MMFlow(name, correlation='torch')
    variants: dict[str, FlowEstimator | None] = {AS_IT_STANDS: AsItStands(name, ours)}
    if not any(isinstance(module, LoopCorrelation) for module in correlations(variants[AS_IT_STANDS])):
        return variants | {'MMFlow': ours}
    variants |= {"MMFlow, 'torch'": ours, "MMFlow, 'mmcv'": None}
    if compiled_correlation():
        compiled = MMFlow(name, correlation='mmcv')
        compiled.network.load_state_dict(ours.network.state_dict())
        variants["MMFlow, 'mmcv'"] = compiled
    return variants


def correlations(estimator: Any) -> list[nn.Module]:
    """List the correlation layers of a network, which mmflow keeps outside the tree of modules."""
    return [module.corr_block[0] for module in estimator.modules() if type(module).__name__ == 'CorrBlock']


def add_rows(
    table: Table,
    name: str,
    variants: Mapping[str, FlowEstimator | None],
    frames: tuple[Tensor, Tensor],
    args: argparse.Namespace,
    step: float,
) -> None:
    """Time the variants of one estimator in turn, and write a row for each."""
    built = {variant: estimator.to(args.device) for variant, estimator in variants.items() if estimator is not None}
    flows = {variant: estimator(*frames) for variant, estimator in built.items()}
    least = dict.fromkeys(built, float('inf'))
    for _ in range(args.repeats):
        for variant, estimator in built.items():
            least[variant] = min(least[variant], seconds(lambda run=estimator: run(*frames), args.device))  # type: ignore[misc]
    first = next(iter(built))
    for variant in variants:
        if variant not in built:
            table.add_row(name, variant, 'absent')
            continue
        pair = least[variant]
        difference = (flows[variant] - flows[first]).abs().max().item()
        share = PASSES * pair / (PASSES * pair + step)
        table.add_row(
            name, variant, f'{pair:.3f}', f'{least[first] / pair:.2f}', f'{difference:.1e} px', f'{share:.1%}'
        )


def seconds(function: Callable[[], Any], device: str) -> float:
    """Time one call."""
    if device.startswith('cuda'):
        torch.cuda.synchronize()
    start = time.perf_counter()
    function()
    if device.startswith('cuda'):
        torch.cuda.synchronize()
    return time.perf_counter() - start


if __name__ == '__main__':
    main()
