"""Who moves the running statistics of batch norm."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from i2vda_mmseg.errors import ConfigError

STATISTICS_MODES = ('shared', 'target')
_SMALL, _LARGE = (64, 96), (256, 512)


@contextmanager
def frozen_statistics(module: nn.Module, enabled: bool = True) -> Iterator[None]:
    """Keep the running statistics of ``module`` as they are while it normalises with those of the batch.

    The batch norms move them by nothing: their momentum is 0 for the time, which costs no copy. (Without statistics to
    move they would keep other tensors for the backward pass, which activation checkpointing notices when it compares a
    forward pass with its repetition.)

    Args:
        module: Any module; its batch norms keep their mode (train or eval).
        enabled: False to do nothing.
    """
    norms = [child for child in module.modules() if isinstance(child, _BatchNorm)] if enabled else []
    kept = [(norm, norm.momentum, norm.num_batches_tracked) for norm in norms]
    try:
        for norm in norms:
            norm.momentum, norm.num_batches_tracked = 0.0, None
        yield
    finally:
        for norm, momentum, count in kept:
            norm.momentum, norm.num_batches_tracked = momentum, count


@contextmanager
def batch_statistics_of(student: nn.Module, teacher: nn.Module) -> Iterator[None]:
    """Let a teacher in eval mode normalise with the statistics of its batch wherever its student does, and move none.

    Dropout and stochastic depth, of whatever class, stay silent.

    Args:
        student: A network in the mode in which it learns; its batch norms may be in eval mode (``norm_eval``).
        teacher: A copy of it.
    """
    norms = [
        theirs
        for theirs, ours in zip(teacher.modules(), student.modules())
        if isinstance(theirs, _BatchNorm) and ours.training
    ]
    with frozen_statistics(teacher):
        try:
            for norm in norms:
                norm.training = True
            yield
        finally:
            for norm in norms:
                norm.training = False


@contextmanager
def advice_on_small_batches() -> Iterator[None]:
    """Say what helps where batch norm is given a single value a channel.

    Raises:
        ConfigError: If that happens: one image, pooled to one pixel (PSPNet, DeepLabV3, BiSeNet...).
    """
    try:
        yield
    except ValueError as error:
        if 'more than 1 value per channel' not in str(error):
            raise
        raise ConfigError(
            'train_dataloader.batch_size: the segmentor pools an image to one pixel and normalises it over the batch, '
            f'which is a single image ({error}). Set batch_size to 2 or more; or normalise that branch without the '
            "batch, such as model.segmentor.decode_head.norm_cfg=dict(type='GN', num_groups=32); or take a head "
            'without image pooling'
        ) from error


def check_batch_of_one(segmentor: nn.Module) -> None:
    """Refuse a network that cannot learn from one image at a time, before anything is trained.

    A random image goes through it in training mode, a small one and, where that comes down to one pixel, a large one.
    It leaves no trace: no statistics, draws, modes or gradients. What else may be wrong with the network is left to its
    training.

    Raises:
        ConfigError: As ``advice_on_small_batches``.
    """
    device = next(segmentor.parameters()).device
    modes = [(child, child.training) for child in segmentor.modules()]
    draws = torch.random.fork_rng(devices=[device] if device.type == 'cuda' else [])
    try:
        with draws, torch.no_grad(), frozen_statistics(segmentor):
            segmentor.train()
            if _is_too_few(segmentor, torch.rand(1, 3, *_SMALL, device=device)):
                with advice_on_small_batches():
                    segmentor(torch.rand(1, 3, *_LARGE, device=device), mode='tensor')
    finally:
        for child, training in modes:
            child.training = training


def _is_too_few(segmentor: nn.Module, image: Tensor) -> bool:
    """Whether the image is a single value a channel for one of the batch norms."""
    try:
        segmentor(image, mode='tensor')
    except Exception as error:  # a network may refuse this image, and take those that it is trained on
        return 'more than 1 value per channel' in str(error)
    return False


@contextmanager
def evaluating(module: nn.Module) -> Iterator[None]:
    """Put a module into eval mode, and each part of it back into its own mode whatever happens.

    Args:
        module: Any module; its batch norms normalise with their running statistics and leave them as they are.
    """
    modes = [(child, child.training) for child in module.modules()]
    try:
        module.eval()
        yield
    finally:
        for child, training in modes:
            child.training = training
