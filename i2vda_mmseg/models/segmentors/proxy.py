"""The second network of a method, which teaches and does not learn."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from typing import Any, ClassVar

import torch
from mmengine.logging import print_log
from torch import Tensor, nn

from i2vda_mmseg.errors import ConfigError
from i2vda_mmseg.models.wrappers import unwrapped


class ProxyMixin(nn.Module):
    """Give a method a ``proxy`` of its ``segmentor``: M' of Algorithm 1, or the teacher of a mean-teacher method.

    M' is a copy of M, parameters and buffers. It stays in eval mode and has no gradient. ``init_weights`` starts it
    from M's initial weights, which are loaded once; what changes it later is ``ProxyCopyHook`` or ``ProxyEMAHook``.
    A method that learns from no M' has no ``proxy``.

    Attributes:
        renewed_by: Name of the hook that renews M', set by that hook before a run.
        uses_proxy: Whether the method learns from M'; then it does not train in a run that never renews it.
        has_teacher: Whether a method has M' whatever its settings are.
        starts_from: Name of the method whose checkpoint a run starts from, where its M' teaches from the first
            iteration on.
    """

    has_teacher: ClassVar[bool] = False
    starts_from: ClassVar[str | None] = None

    uses_proxy: bool
    segmentor: nn.Module
    proxy: nn.Module
    renewed_by: str | None = None
    was_loaded: bool

    @property
    def has_proxy(self) -> bool:
        """Whether there is an M'."""
        return 'proxy' in self._modules

    def build_proxy(self) -> None:
        """Make M' of the segmentor as it is."""
        proxy: Any = deepcopy(self.segmentor)
        proxy.is_init = True  # so that mmengine's init_weights does not read M's initial weights a second time
        self.proxy = proxy.requires_grad_(False).eval()

    def copy_to_proxy(self) -> None:
        """Copy the parameters and buffers of M to M'."""
        self.proxy.load_state_dict(unwrapped(self.segmentor).state_dict())

    @torch.no_grad()
    def proxy_logits(self, images: Tensor) -> Tensor:
        """Predict with M': (N, 3, H, W) network input to (N, C, H, W) logits, float32."""
        return self.upsampled(self.proxy(images, mode='tensor'), images)  # type: ignore[operator]

    @contextmanager
    def proxy_in_place(self) -> Iterator[None]:
        """Let the method predict with M' in the place of M meanwhile: what it makes of its input stays the same."""
        own = self.segmentor
        self.segmentor = self.proxy
        try:
            yield
        finally:
            self.segmentor = own

    def init_weights(self) -> None:
        """Initialise the weights, and start M' as M's copy. Called before every training, also a resumed one."""
        super().init_weights()  # type: ignore[misc]
        if self.has_proxy:
            self.copy_to_proxy()

    def train(self, mode: bool = True) -> Any:
        """Set the mode; M' stays in eval mode."""
        super().train(mode)
        if self.has_proxy:
            self.proxy.eval()
        return self

    def check_run(self) -> None:
        """Refuse a run in which M' would stay what it was at the start; say where one that knows nothing teaches.

        Raises:
            ConfigError: If the method learns from M' and no hook renews it.
        """
        if self.uses_proxy and self.renewed_by is None:
            raise ConfigError(
                f"default_hooks: {type(self).__name__} learns from its proxy, M', which no hook of the run renews: add "
                "proxy_copy=dict(type='ProxyCopyHook', interval=8000, launch=8000), or "
                "proxy_ema=dict(type='ProxyEMAHook', momentum=0.999)"
            )
        if self.starts_from and self.renewed_by == 'ProxyCopyHook' and not self.was_loaded:
            print_log(
                f'load_from: {type(self).__name__} learns labels of the network that it starts from, which has learnt '
                f'nothing in this run; start from a checkpoint of {self.starts_from}, --cfg-options load_from=FILE, or '
                'take a ProxyEMAHook',
                logger='current',
                level=logging.WARNING,
            )
