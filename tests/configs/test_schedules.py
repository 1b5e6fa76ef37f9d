"""The learning rate of every iteration, by the schedulers that the configs build."""

import pytest
import torch
from built_leaf import CONFIGS
from mmengine.registry import init_default_scope
from mmseg.registry import PARAM_SCHEDULERS
from torch import nn

from i2vda_mmseg.apis.launch import load_config


def rates_of(schedulers, base, iterations):
    """Give the rate of each iteration: mmengine steps every scheduler after each."""
    init_default_scope('mmseg')
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=base)
    built = [PARAM_SCHEDULERS.build(dict(scheduler, optimizer=optimizer)) for scheduler in schedulers]
    optimizer.step()
    rates = []
    for _ in range(iterations):
        rates.append(optimizer.param_groups[0]['lr'])
        for scheduler in built:
            scheduler.step()
    return torch.tensor(rates, dtype=torch.float64)


def poly(base, iterations, horizon, power=0.9):
    """AdaptSegNet's lr_poly at iterations 0, 1, ..."""
    return base * (1 - torch.arange(iterations, dtype=torch.float64) / horizon) ** power


def released_segformer(base, iterations, warm_up=1500, ratio=1e-6):
    """mmcv 1.x: poly by iteration; until the warm-up's end times 1 - (1 - i / warm_up) * (1 - ratio)."""
    i = torch.arange(iterations, dtype=torch.float64)
    factor = 1 - (1 - i / warm_up) * (1 - ratio)
    return poly(base, iterations, iterations, 1.0) * torch.where(i < warm_up, factor, 1.0)


@pytest.mark.parametrize(
    ('leaf', 'network', 'expected'),
    [
        ('i2vda/deeplabv2_r101_viper2cs', 'segmentor', poly(2.5e-4, 50000, 50000)),
        ('i2vda/deeplabv2_r101_viper2cs', 'discriminator', poly(1e-4, 50000, 50000)),
        ('tps/deeplabv2_r101_viper2cs', 'segmentor', poly(1e-4, 40000, 250000)),
        ('i2vda/segformer_mit-b5_viper2cs', 'segmentor', released_segformer(6e-5, 50000)),
        ('mic/daformer_mit-b5_gta2cs', 'segmentor', released_segformer(6e-5, 40000)),
        ('i2vda/deeplabv2_r18_streetworld', 'segmentor', poly(5e-3, 800, 800)),
        ('i2vda/deeplabv2_r18_streetworld', 'discriminator', poly(5e-4, 800, 800)),
        ('source_only/deeplabv2_r18_streetworld-init', 'segmentor', poly(2e-2, 1600, 1600)),
    ],
)
def test_the_rate_of_every_iteration(leaf, network, expected):
    config = load_config(str(CONFIGS / f'{leaf}.py'))
    base = config.optim_wrapper[network].optimizer.lr
    rates = rates_of(config.param_scheduler[network], base, config.train_cfg.max_iters)
    assert (rates - expected).abs().max() < 1e-12 * base
    assert rates[-1] > 0


@pytest.mark.parametrize(
    'leaf', ['fda/deeplabv2_r101_viper2cs', 'fda/deeplabv2_r18_streetworld', 'intrada/deeplabv2_r101_viper2cs']
)
def test_each_stage_decays_alone(leaf):
    """The schedulers of a stage, on rates that the stage before has reset."""
    config = load_config(str(CONFIGS / f'{leaf}.py'))
    begin = 0
    for stage, scheduler in zip(config.train_cfg.stages, config.param_scheduler.segmentor, strict=True):
        assert (scheduler.begin, scheduler.end) == (begin, begin + stage.iters + 1)
        begin += stage.iters
    first = rates_of([config.param_scheduler.segmentor[0]], 1.0, config.train_cfg.stages[0].iters)
    assert torch.allclose(first, poly(1.0, len(first), len(first)), rtol=1e-12, atol=0)
