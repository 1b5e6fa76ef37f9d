"""A proxy network that is the moving average of M."""

import torch
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmseg.registry import HOOKS

from i2vda_mmseg.models.wrappers import unwrapped
from i2vda_mmseg.ops import ema_decay


class ProxyHook(Hook):
    """What renews ``model.proxy``: says so to the model, and refuses one without a proxy."""

    priority = 'HIGH'

    def before_run(self, runner: Runner) -> None:
        """Let the model know before it checks the run."""
        model, name = unwrapped(runner.model), type(self).__name__
        if getattr(model, 'renewed_by', None) not in (None, name):
            runner.logger.warning(f"{name} renews M' beside {model.renewed_by}: leave one of them out")
        model.renewed_by = name

    def before_train(self, runner: Runner) -> None:
        """Refuse a model without a proxy."""
        model = unwrapped(runner.model)
        if not hasattr(model, 'proxy'):
            raise TypeError(f'{type(self).__name__} needs a model with a proxy; {type(model).__name__} has none')
        super().before_train(runner)


@HOOKS.register_module()
class ProxyEMAHook(ProxyHook):
    """Move the proxy towards M before each iteration's forward pass, ``M' <- m M' + (1 - m) M``.

    The decay is ``m = min(1 - 1 / (iter + 1), momentum)``: M' is M at iteration 0, then the mean of all M so far, and
    from ``1 / (1 - momentum)`` iterations on an exponential average, the teacher of DACS and its successors.

    Parameters only: running statistics of batch norm stay those with which M' started, so that it suits networks
    without batch norm (SegFormer, Swin) or with ``norm_eval``; for others see ``ProxyCopyHook``.

    Args:
        momentum: Largest decay.

    Raises:
        ValueError: If ``momentum`` is not in [0, 1).
    """

    def __init__(self, momentum: float = 0.999) -> None:
        if not 0 <= momentum < 1:
            raise ValueError(f'momentum must be at least 0 and below 1, got {momentum}')
        self.momentum = momentum

    @torch.no_grad()
    def before_train_iter(self, runner: Runner, batch_idx: int, data_batch: dict | None = None) -> None:
        """Average."""
        model = unwrapped(runner.model)
        weight = 1 - ema_decay(runner.iter, self.momentum)
        for ours, theirs in zip(model.proxy.parameters(), unwrapped(model.segmentor).parameters()):
            ours.lerp_(theirs, weight)
