"""One optimizer for each network that is trained."""

from collections import Counter
from typing import Any

from mmengine.optim import OptimWrapperDict, build_optim_wrapper
from mmseg.registry import OPTIM_WRAPPER_CONSTRUCTORS
from torch import nn

from i2vda_mmseg.models.wrappers import unwrapped

from .separate_optim_wrapper_dict import SeparateOptimWrapperDict


@OPTIM_WRAPPER_CONSTRUCTORS.register_module()
class SeparateOptimWrapperConstructor:
    """Build an ``OptimWrapperDict`` with one optimizer for each named child of the model.

    Args:
        optim_wrapper_cfg: By child's name ('segmentor', 'discriminator'), the config of an ``OptimWrapper`` as mmengine
            takes it, ``paramwise_cfg`` included.
        paramwise_cfg: Refused here: it belongs into the child's config.

    Raises:
        ValueError: If a name is no child of the model, or a trainable parameter is in no optimizer or in two.

    Example:
        Config::

            optim_wrapper = dict(
                constructor='SeparateOptimWrapperConstructor',
                segmentor=dict(optimizer=dict(type='SGD', lr=2.5e-4)),
                discriminator=dict(optimizer=dict(type='Adam', lr=1e-4)),
            )
    """

    def __init__(self, optim_wrapper_cfg: dict, paramwise_cfg: dict | None = None) -> None:
        if paramwise_cfg:
            raise ValueError('put paramwise_cfg into optim_wrapper.segmentor or optim_wrapper.discriminator')
        self.optim_wrapper_cfg = optim_wrapper_cfg

    def __call__(self, model: Any) -> SeparateOptimWrapperDict:
        """Build the optimizers of ``model``, wrapped for DDP or not."""
        model = unwrapped(model)
        children = dict(model.named_children())
        unknown = sorted(set(self.optim_wrapper_cfg) - set(children))
        if unknown:
            raise ValueError(
                f'optim_wrapper names {unknown}, which {type(model).__name__} does not have; its children are '
                f'{sorted(children)}'
            )
        wrappers = {
            name: build_optim_wrapper(children[name], dict(type='OptimWrapper') | dict(cfg))
            for name, cfg in self.optim_wrapper_cfg.items()
        }
        optimizers = SeparateOptimWrapperDict(**wrappers)
        _check_coverage(model, optimizers)
        return optimizers


def _check_coverage(model: nn.Module, optimizers: OptimWrapperDict) -> None:
    counts = Counter(
        id(parameter)
        for wrapper in optimizers.values()
        for group in wrapper.optimizer.param_groups
        for parameter in group['params']
    )
    wrong = {
        name: counts[id(parameter)]
        for name, parameter in model.named_parameters()
        if parameter.requires_grad and counts[id(parameter)] != 1
    }
    if wrong:
        name, count = next(iter(wrong.items()))
        raise ValueError(
            f'each trainable parameter must be in exactly one optimizer, but {name} is in {count} '
            f'(and {len(wrong) - 1} others are wrong too); name its network in optim_wrapper'
        )
