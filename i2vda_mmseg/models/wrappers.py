"""Networks with and without the wrapper of distributed training."""

from contextlib import AbstractContextManager, nullcontext
from typing import Any

from mmengine.model import is_model_wrapper


def unwrapped(module: Any) -> Any:
    """Give the module inside a DDP wrapper, or the module itself."""
    return module.module if is_model_wrapper(module) else module


def apart(module: Any, enabled: bool = True) -> AbstractContextManager:
    """Leave the gradients of ranks apart: those of forward passes in this context stay on their rank.

    A later pass outside it averages them with its own. What is decided is decided at the forward pass, whenever its
    backward pass follows.

    Args:
        module: A network in its DDP wrapper, or by itself, for which nothing changes.
        enabled: False to do nothing.
    """
    return module.no_sync() if enabled and is_model_wrapper(module) else nullcontext()
