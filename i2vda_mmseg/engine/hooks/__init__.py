"""Hooks: what happens around an iteration."""

from .broadcast_buffers_hook import BroadcastBuffersHook
from .proxy_copy_hook import ProxyCopyHook
from .reseed_hook import ReseedHook

__all__ = ['BroadcastBuffersHook', 'ProxyCopyHook', 'ReseedHook']
