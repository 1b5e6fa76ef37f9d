"""Hooks: what happens around an iteration."""

from .atomic_checkpoint_hook import AtomicCheckpointHook
from .broadcast_buffers_hook import BroadcastBuffersHook
from .check_finite_hook import CheckFiniteHook
from .late_runtime_info_hook import LateRuntimeInfoHook
from .launch_hook import LaunchHook
from .panel_hook import PanelHook
from .preemption_hook import PreemptionHook
from .proxy_copy_hook import ProxyCopyHook
from .proxy_ema_hook import ProxyEMAHook
from .reseed_hook import ReseedHook

__all__ = [
    'AtomicCheckpointHook', 'BroadcastBuffersHook', 'CheckFiniteHook', 'LateRuntimeInfoHook', 'LaunchHook', 'PanelHook',
    'PreemptionHook', 'ProxyCopyHook', 'ProxyEMAHook', 'ReseedHook',
]  # fmt: skip
