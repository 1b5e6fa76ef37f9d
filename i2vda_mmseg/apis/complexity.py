"""What a frame costs at test time: parameters, operations, frames a second."""

import statistics
import time
from typing import NamedTuple

import torch
from mmengine.analysis import get_model_complexity_info
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmseg.registry import MODELS
from torch import nn

from i2vda_mmseg.errors import ConfigError
from i2vda_mmseg.models.segmentors import FrameFusion

from .config_keys import scale_of
from .export import without_weights

_WARM_UP = 3


class Complexity(NamedTuple):
    """What the segmentor of a config costs."""

    size: tuple[int, int]  # (H, W) of the network's input
    parameters: int  # of the network that is tested; proxy, discriminator and flow are of training only
    trained: int  # those of them that require a gradient
    flops: float  # multiply-adds of one frame, as MMSegmentation counts them
    seconds: float | None  # median time of a frame; None if it was not timed


def measure_complexity(
    config: Config, size: tuple[int, int] | None = None, frames: int = 0, device: str = 'cpu'
) -> Complexity:
    """Count and time one frame of the segmentor of a config, with random weights.

    Args:
        config: Config of a method or of a plain network.
        size: (H, W) of the input; None: as the test pipeline resizes.
        frames: How many to time, after three that warm up; 0: none.
        device: Where.

    Raises:
        ConfigError: If no size is given and the config has none, or the network takes two frames.
    """
    init_default_scope('mmseg')
    settings = without_weights(config.model.get('segmentor', config.model).to_dict())
    if issubclass(MODELS.get(settings['type']), FrameFusion):
        raise ConfigError(
            f'model.segmentor.type: a {settings["type"]} takes two frames and flow, which are not counted'
        )
    height, width = size or _test_size(config)
    network = MODELS.build(settings).to(device).eval()
    image = torch.zeros(1, 3, height, width, device=device)
    with torch.no_grad():
        found = get_model_complexity_info(network, None, (image,), show_table=False, show_arch=False)
        seconds = _time(network, image, frames) if frames else None
    sizes = [(parameter.numel(), parameter.requires_grad) for parameter in network.parameters()]
    trained = sum(count for count, requires_grad in sizes if requires_grad)
    return Complexity((height, width), sum(count for count, _ in sizes), trained, float(found['flops']), seconds)


def _test_size(config: Config) -> tuple[int, int]:
    dataset = (config.get('test_dataloader') or {}).get('dataset') or {}
    for step in dataset.get('pipeline') or []:
        if scale := scale_of(step):
            return scale[1], scale[0]
    raise ConfigError('test_dataloader.dataset.pipeline: there is no Resize to a scale; give --size H W')


def _time(network: nn.Module, image: torch.Tensor, frames: int) -> float:
    """Median of the seconds that a frame takes, the work of the device included."""
    times = []
    for _ in range(_WARM_UP + frames):
        start = time.perf_counter()
        network(image, mode='tensor')
        if image.is_cuda:
            torch.cuda.synchronize()
        times.append(time.perf_counter() - start)
    return statistics.median(times[_WARM_UP:])
