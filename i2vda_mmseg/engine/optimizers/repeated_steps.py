"""Parameters that an optimizer steps several times in one iteration, as released training codes do."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from torch import nn
from torch.optim import Optimizer


def walk_counts(backbone: nn.Module) -> dict[str, int]:
    """Count how often the parameter walk of AdaptSegNet's code lists each trained parameter of a backbone.

    That walk goes through all modules below each of the backbone's children, the child included, and yields all
    parameters below each of them: a parameter comes once for each module on the way from the child to it. In a ResNet
    that is once for the stem's convolution, three times for those of blocks, and four times for those of downsample
    branches (https://github.com/speedinghzl/Pytorch-Deeplab/issues/18). A parameter of the backbone itself, which the
    walk knows nothing of, counts once; one without gradient is left out.

    Example:
        >>> from torch import nn
        >>> block = nn.Sequential(nn.Conv2d(4, 4, 3, bias=False))
        >>> walk_counts(nn.ModuleDict(dict(conv1=nn.Conv2d(3, 4, 7, bias=False), layer1=nn.Sequential(block))))
        {'conv1.weight': 1, 'layer1.0.0.weight': 3}
    """
    modules = (module for child in backbone.children() for module in child.modules())
    listed = Counter(id(parameter) for module in modules for parameter in module.parameters())
    trained = {name: parameter for name, parameter in backbone.named_parameters() if parameter.requires_grad}
    return {name: max(1, listed[id(parameter)]) for name, parameter in trained.items()}


class RepeatedSteps:
    """Let an optimizer step some of its parameters several times in one ``step()``, with one state each.

    The result is bit for bit that of a group that lists a parameter so many times, with ``foreach=False`` and
    ``fused=False``: entry after entry, with the same gradient. Only during ``step()`` do the groups hold the repeated
    entries, so that gradients are unscaled, clipped, cleared and saved once, and a checkpoint fits either way.

    Args:
        optimizer: The optimizer. Its groups are stepped entry after entry from now on, whatever their ``foreach`` and
            ``fused``: these apply each part of a step to all entries at once.
        counts: How often each parameter is stepped; those that are absent, once.

    Example:
        >>> import torch
        >>> p = torch.nn.Parameter(torch.zeros(1))
        >>> optimizer = torch.optim.SGD([p], lr=0.5)
        >>> _ = RepeatedSteps(optimizer, {p: 3})
        >>> p.grad = torch.ones(1)
        >>> optimizer.step()
        >>> p.item()
        -1.5
    """

    def __init__(self, optimizer: Optimizer, counts: Mapping[nn.Parameter, int]) -> None:
        self.counts = dict(counts)
        optimizer.register_step_pre_hook(self._repeat)
        optimizer.register_step_post_hook(self._restore)

    def _repeat(self, optimizer: Optimizer, *_: Any) -> None:
        self._restore(optimizer)  # a step that failed has left its entries
        for group in optimizer.param_groups:
            group.update({key: False for key in ('foreach', 'fused') if key in group})
            group['params'] = [entry for entry in group['params'] for _ in range(self.counts.get(entry, 1))]

    def _restore(self, optimizer: Optimizer, *_: Any) -> None:
        for group in optimizer.param_groups:
            group['params'] = list(dict.fromkeys(group['params']))
