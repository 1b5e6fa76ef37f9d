"""How much of a training step is not the networks: I2VDA's train_step over the bare work that it cannot avoid.

The bare work, on the same inputs and with the same networks: forward and backward of M on I^s, I_0 and I_t with
upsampling to the input's size, forward of M' on I_1, D's five passes, F's three, both optimizer steps. Not in it:
batching and normalising, Eq. 2-4 and 6-12, the bookkeeping. Both are timed in turn; the ratio
is the median over the pairs. On a CPU, the time is that of its cores: one thread, so that none counts as busy while it
waits for another.

    OMP_NUM_THREADS=1 python benchmarks/train_step.py [--pairs 5 --device cpu]
"""

import argparse
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from mmengine.optim import OptimWrapperDict, build_optim_wrapper
from mmengine.structures import PixelData
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample
from torch import Tensor, nn

from i2vda_mmseg.apis.launch import load_config

CONFIGS = Path(__file__).resolve().parents[1] / 'configs'
# The bounded case last: its ratio is the last line.
CASES = (
    ('StreetWorld', 'i2vda/deeplabv2_r18_streetworld.py', (96, 192)),
    ('DeepLab-v2 R101', 'i2vda/deeplabv2_r101_viper2cs.py', (256, 512)),
)


def main() -> None:
    """Print one line a case."""
    parser = argparse.ArgumentParser(description='Time the training step against its bare work')
    parser.add_argument('--pairs', type=int, default=5, help='timed pairs of a full and a bare step')
    parser.add_argument('--device', default='cuda' if torch.cuda.is_available() else 'cpu')
    args = parser.parse_args()
    torch.manual_seed(0)
    print(f'torch {torch.__version__}, {args.device}, {torch.get_num_threads()} threads, {args.pairs} pairs, DISFlow')
    for name, config, size in CASES:
        full, bare = steps(config, size, torch.device(args.device))
        times = interleave(full, bare, args.pairs, args.device)
        seconds = [statistics.median(column) for column in zip(*times)]
        print(f'{name} {size[0]}x{size[1]}: train_step {seconds[0]:.3f} s, bare work {seconds[1]:.3f} s')
        print(f'ratio {statistics.median(a / b for a, b in times):.3f}', flush=True)


def steps(config_path: str, size: tuple[int, int], device: torch.device) -> tuple[Callable, Callable]:
    """Build both steps over one model and one batch."""
    config = load_config(str(CONFIGS / config_path))
    config.model.segmentor.backbone.init_cfg = None
    config.model.flow_estimator = dict(type='DISFlow')
    model = MODELS.build(config.model).to(device)
    model.train()
    optimizers = build_optim_wrapper(model, config.optim_wrapper)
    data = batch(size, model.num_classes)
    return lambda: model.train_step(data, optimizers), bare_step(model, data, optimizers)


def batch(size: tuple[int, int], num_classes: int) -> dict[str, Any]:
    """Make one source image with its label and one target pair, textured and slightly moved."""
    height, width = size
    labels = torch.randint(num_classes, (1, height, width))
    sample = SegDataSample(gt_sem_seg=PixelData(data=labels))
    texture = nn.functional.interpolate(torch.rand(1, 3, height // 8, width // 8), size=size, mode='bicubic')[0]
    frame = (texture.clamp(0, 1) * 255).to(torch.uint8)
    pair = torch.stack((frame, frame.roll(2, -1)))
    return dict(
        source=dict(inputs=[frame], data_samples=[sample]), target=dict(inputs=[pair], data_samples=[SegDataSample()])
    )


def bare_step(model: Any, data: dict[str, Any], optimizers: OptimWrapperDict) -> Callable[[], None]:
    """Prepare everything that is not the networks' work, and give the step that is left."""
    prepared = model.data_preprocessor(data, training=True)
    frames = prepared['target']['frames'].unbind(1)
    image, image_0, image_1 = (prepared['source']['inputs'], *map(model.data_preprocessor.normalize, frames))
    gradient = torch.randn_like(model.logits(image))
    probs = gradient.softmax(dim=1)

    def step() -> None:
        """Do the networks' work, in the order of the training step."""
        model.flow_estimator(torch.cat(frames), torch.cat(frames[::-1]))  # F_01 and F_10
        model.flow_estimator(frames[1], frames[0])  # F_1t
        for network_input in (image, image_0, image_0):  # I^s, I_0, I_t
            model.logits(network_input).backward(gradient)
        with torch.no_grad():
            model.upsampled(model.proxy(image_1, mode='tensor'), image_1)
        judge(model.discriminator, probs, learns=False)  # Eq. 11
        judge(model.discriminator, probs, learns=False)
        for _ in range(3):  # Eq. 12
            judge(model.discriminator, probs, learns=True)
        for optimizer in optimizers.values():
            optimizer.step()
            optimizer.zero_grad()

    return step


def judge(discriminator: nn.Module, probs: Tensor, learns: bool) -> None:
    """Pass a map through D forwards and backwards: to D's parameters, or to the map."""
    discriminator.requires_grad_(learns)
    discriminator(probs.detach().requires_grad_(not learns)).sum().backward()
    discriminator.requires_grad_(True)


def interleave(full: Callable, bare: Callable, pairs: int, device: str) -> list[tuple[float, float]]:
    """Time both in turn after one warm-up each, the first of a pair changing with every pair."""
    for function in (full, bare):
        function()
    times = []
    for index in range(pairs):
        order = (full, bare) if index % 2 == 0 else (bare, full)
        measured = {function: seconds(function, device) for function in order}
        times.append((measured[full], measured[bare]))
    return times


def seconds(function: Callable, device: str) -> float:
    """Time one call: on a CPU in seconds of its cores, which other programs hardly disturb."""
    clock = time.process_time if device == 'cpu' else time.perf_counter
    start = clock()
    function()
    if device != 'cpu':
        torch.cuda.synchronize()
    return clock() - start


if __name__ == '__main__':
    main()
