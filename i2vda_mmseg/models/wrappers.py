"""Networks with and without the wrapper of distributed training."""

from typing import Any

from mmengine.model import is_model_wrapper


def unwrapped(module: Any) -> Any:
    """Give the module inside a DDP wrapper, or the module itself."""
    return module.module if is_model_wrapper(module) else module
