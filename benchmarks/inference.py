"""What testing costs beyond stock mmseg: our test_step over an EncoderDecoder's with the same weights.

Both take a frame from the data pipeline's uint8 tensor to labels at its own size: normalising, the network, resizing,
argmax. They are timed in turn; the ratio is the median over the pairs. At test time there is one frame and no flow.

    python benchmarks/inference.py [--pairs 15 --device cpu]
"""

import argparse
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample

from i2vda_mmseg.apis.launch import load_config

CONFIGS = Path(__file__).resolve().parents[1] / 'configs'
# The bounded case last: its ratio is the last line.
CASES = (
    ('StreetWorld', 'i2vda/deeplabv2_r18_streetworld.py', (96, 192)),
    ('DeepLab-v2 R101', 'i2vda/deeplabv2_r101_viper2cs.py', (256, 512)),
)


def main() -> None:
    """Print two lines a case."""
    parser = argparse.ArgumentParser(description='Time a tested frame against stock mmseg')
    parser.add_argument('--pairs', type=int, default=15, help='timed pairs of our and the stock test step')
    parser.add_argument('--device', default='cuda' if torch.cuda.is_available() else 'cpu')
    args = parser.parse_args()
    torch.manual_seed(0)
    print(f'torch {torch.__version__}, {args.device}, {torch.get_num_threads()} threads, {args.pairs} pairs')
    for name, config, size in CASES:
        ours, stock = steps(config, size, torch.device(args.device))
        times = interleave(ours, stock, args.pairs, args.device)
        median = [statistics.median(column) * 1000 for column in zip(*times)]
        print(f'{name} {size[0]}x{size[1]}: ours {median[0]:.1f} ms a frame, stock mmseg {median[1]:.1f} ms')
        print(f'ratio {statistics.median(a / b for a, b in times):.3f}', flush=True)


def steps(config_path: str, size: tuple[int, int], device: torch.device) -> tuple[Callable, Callable]:
    """Build our test step and the stock one, over the same weights and one frame."""
    config = load_config(str(CONFIGS / config_path))
    config.model.segmentor.backbone.init_cfg = None
    config.model.flow_estimator = dict(type='DISFlow')
    model = MODELS.build(config.model).to(device).eval()
    preprocessor = {**config.model.data_preprocessor, 'type': 'SegDataPreProcessor'}
    stock = MODELS.build({**config.model.segmentor, 'data_preprocessor': preprocessor}).to(device).eval()
    stock.load_state_dict(model.segmentor.state_dict())
    frame = torch.randint(256, (3, *size), dtype=torch.uint8)
    ours, theirs = (lambda network=network: network.test_step(sample(frame)) for network in (model, stock))
    labels = [step()[0].pred_sem_seg.data for step in (ours, theirs)]
    if not torch.equal(*labels):
        raise RuntimeError(f'{config_path}: both networks must predict the same labels, or the ratio means nothing')
    return ours, theirs


def sample(frame: torch.Tensor) -> dict[str, Any]:
    """Give a frame as a dataloader does."""
    size = tuple(frame.shape[-2:])
    return dict(inputs=[frame], data_samples=[SegDataSample(metainfo=dict(ori_shape=size, img_shape=size))])


def interleave(ours: Callable, stock: Callable, pairs: int, device: str) -> list[tuple[float, float]]:
    """Time both in turn after a warm-up, the first of a pair changing with every pair."""
    times = []
    for index in range(pairs):
        order = (ours, stock) if index % 2 == 0 else (stock, ours)
        measured = {step: seconds(step, device) for step in order}
        times.append((measured[ours], measured[stock]))
    return times


def seconds(step: Callable, device: str) -> float:
    """Time one frame, the work of the device included."""
    start = time.perf_counter()
    step()
    if device != 'cpu':
        torch.cuda.synchronize()
    return time.perf_counter() - start


if __name__ == '__main__':
    main()
