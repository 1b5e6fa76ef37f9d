"""Which precision ``--amp`` means on this machine."""

from collections.abc import Mapping
from typing import Any

import torch
from mmengine.config import Config
from mmengine.logging import print_log

from i2vda_mmseg.errors import ConfigError

REPLACED = ('OptimWrapper', 'Bfloat16OptimWrapper', 'AmpOptimWrapper')


def use_amp(config: Config) -> dict[str, str]:
    """Switch every optimizer of the config to the mixed precision that the machine has; log and give it, by name.

    'bfloat16' on a CPU and on a GPU that computes in it (NVIDIA's since Ampere); 'float16' with a dynamic scale of the
    loss on older ones. On a GPU, an ``AmpOptimWrapper`` of the config stays as it is.

    Raises:
        ConfigError: If an optimizer wrapper has no mixed-precision counterpart, or asks for float16 without a GPU.
    """
    wrappers = {name: wrapper for name, wrapper in config.optim_wrapper.items() if isinstance(wrapper, dict)}
    dtypes = {name: _switch(name, wrapper) for name, wrapper in wrappers.items()}
    place = torch.cuda.get_device_name() if torch.cuda.is_available() else 'CPU'
    which = ', '.join(f'{name} in {dtype}' for name, dtype in dtypes.items())
    print_log(f'--amp on {place}: {which}; flow, losses and weights stay float32', logger='current')
    return dtypes


def check_precision(name: str, wrapper: Mapping[str, Any]) -> None:
    """Raise ConfigError for float16 without a GPU, which mmengine would refuse without saying what to do instead."""
    if wrapper.get('type') == 'AmpOptimWrapper' and not torch.cuda.is_available():
        raise ConfigError(
            f"optim_wrapper.{name}.type: 'AmpOptimWrapper' scales the loss for float16 on a GPU, and torch finds none; "
            "use 'Bfloat16OptimWrapper' on a CPU"
        )


def _switch(name: str, wrapper: dict) -> str:
    kind, has_gpu = wrapper.get('type', 'OptimWrapper'), torch.cuda.is_available()
    if kind not in REPLACED:
        raise ConfigError(f'optim_wrapper.{name}.type: --amp replaces OptimWrapper, and cannot replace {kind!r}')
    if kind == 'AmpOptimWrapper' and (has_gpu or wrapper.get('dtype') == 'float16'):
        check_precision(name, wrapper)
        return wrapper.get('dtype', 'float16')
    if has_gpu and not torch.cuda.is_bf16_supported(including_emulation=False):
        wrapper.update(type='AmpOptimWrapper', dtype='float16', loss_scale='dynamic')
        return 'float16'
    for key in ('dtype', 'loss_scale', 'use_fsdp'):
        wrapper.pop(key, None)
    wrapper.update(type='Bfloat16OptimWrapper')
    return 'bfloat16'
