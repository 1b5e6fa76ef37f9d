"""A GPU without one: tensors that have a device and a shape and no data.

PyTorch lets a device be written in Python (*PrivateUse1*). Under ``FakeTensorMode`` its tensors compute shapes, types
and devices only, so that a training step of any size runs in seconds on a CPU. Two devices in one operation are an
error, as on a real one, and each time that the program must wait for the device (``.item()``, ``nonzero``, a copy to
the CPU) is counted with the line that asked for it. What does not touch the device, such as draws and the decoding of
images, is computed in earnest.
"""

import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import cache
from typing import Any, NamedTuple
from unittest import mock

import torch
from mmseg.registry import MODELS
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode, unset_fake_temporarily
from torch.overrides import TorchFunctionMode
from torch.utils import backend_registration
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_map_only

from .autocast import register_autocast

NAME = 'fakegpu'
_WAITS = {'_local_scalar_dense', 'item', 'is_nonzero', 'equal', 'nonzero', 'masked_select', '_unique2', 'unique_dim'}
_COPIES = {'_to_copy', 'copy_'}
_FROM_LISTS = {torch.tensor, torch.as_tensor, Tensor.new_tensor}


class Wait(NamedTuple):
    """Why and where the program waits for the device."""

    kind: str  # the operator, or 'copy to cpu', 'copy from a list'
    line: str  # path below the package or site-packages, line number and text


class Waits(Counter[Wait]):
    """Number of waits by ``Wait``."""

    def __str__(self) -> str:
        """One line each, the most frequent first."""
        return '\n'.join(f'{count:4d}  {wait.kind}: {wait.line}' for wait, count in self.most_common())


@cache
def register() -> torch.device:
    """Register the device with PyTorch, once a process; it cannot be taken back."""
    backend_registration._setup_privateuseone_for_python_backend(NAME, backend_module=_Backend())
    register_autocast()
    return torch.device(NAME)


@contextmanager
def fake_device() -> Iterator[Waits]:
    """Run the body with the fake device; gives what is counted."""
    register()
    waits = Waits()
    with ExitStack() as modes:
        fake = modes.enter_context(FakeTensorMode(allow_non_fake_inputs=True))
        modes.enter_context(_Counting(waits, fake))
        modes.enter_context(_FromLists(waits))
        modes.enter_context(mock.patch.object(nn.Module, '_apply', _applied))
        # torch draws again what is out of range until nothing is, which values that are not there never tell
        modes.enter_context(mock.patch.object(nn.init, '_no_grad_trunc_normal_', lambda tensor, *_, **__: tensor))
        yield waits


def _applied(module: nn.Module, convert: Callable[[Tensor], Tensor], recurse: bool = True) -> nn.Module:
    """``nn.Module._apply`` with parameters made anew where they change: fake ones cannot be swapped."""
    for child in module.children() if recurse else ():
        _applied(child, convert)
    owned: tuple[dict[str, Any], ...] = (module._parameters, module._buffers)
    for tensors in owned:
        for name, tensor in tensors.items():
            if tensor is not None and (changed := convert(tensor)) is not tensor:
                is_parameter = isinstance(tensor, nn.Parameter)
                tensors[name] = nn.Parameter(changed.detach(), tensor.requires_grad) if is_parameter else changed
    return module


def build(config: Mapping[str, Any]) -> nn.Module:
    """Build a model on the fake device, in the body of ``fake_device``."""
    device = register()
    with device:
        model = MODELS.build(config)
    for module in model.modules():  # mmengine's models and preprocessors remember theirs
        if hasattr(module, '_set_device'):
            module._set_device(device)
        elif hasattr(module, '_device'):
            module._device = device
    return model


def is_on_device(tensor: Any) -> bool:
    """Whether something is a tensor of the fake device."""
    return isinstance(tensor, Tensor) and tensor.device.type == NAME


class _Backend(backend_registration._DummyBackendModule):
    def get_amp_supported_dtype(self) -> list[torch.dtype]:
        """Types of ``torch.autocast``."""
        return [torch.bfloat16, torch.float16]

    def is_bf16_supported(self) -> bool:
        """As on GPUs since Ampere."""
        return True


class _Counting(TorchDispatchMode):
    """Count waits and answer them with a value; compute in earnest what is not on the device."""

    def __init__(self, waits: Waits, fake: FakeTensorMode) -> None:
        super().__init__()
        self.waits, self.fake = waits, fake

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        tensors = [value for value in _flat((*args, *kwargs.values())) if isinstance(value, Tensor)]
        target = kwargs.get('device')
        if not any(map(is_on_device, tensors)):
            if target is not None and torch.device(target).type == NAME:
                return func(*tree_map_only(Tensor, self.fake.from_tensor, args), **kwargs)
            with unset_fake_temporarily():
                return func(*args, **kwargs)
        name = func._schema.name.removeprefix('aten::')
        if name in _WAITS:
            self.waits[Wait(name, _asked_by())] += 1
            return _answer(name, tensors[0], args)
        if name == 'index' and any(getattr(each, 'dtype', None) == torch.bool for each in args[1]):
            self.waits[Wait('index by a mask', _asked_by())] += 1
            return func(args[0], _as_indices(args[1]))
        if name in _COPIES and (source := _to_cpu(name, args, target)) is not None:
            if not (kwargs.get('non_blocking') or (name == 'copy_' and args[2:3] == (True,))):
                self.waits[Wait('copy to cpu', _asked_by())] += 1
            with unset_fake_temporarily():
                copy = torch.zeros(source.shape, dtype=kwargs.get('dtype') or source.dtype)
                return args[0].copy_(copy) if name == 'copy_' else copy
        return func(*args, **kwargs)


class _FromLists(TorchFunctionMode):
    """Count tensors made of Python numbers on the device, each a copy that the program waits for."""

    def __init__(self, waits: Waits) -> None:
        super().__init__()
        self.waits = waits

    def __torch_function__(
        self, func: Callable, types: Any, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        kwargs = dict(kwargs or {})
        if func not in _FROM_LISTS:
            return func(*args, **kwargs)
        like = args[0] if func is Tensor.new_tensor else None
        device = torch.device(kwargs.pop('device', None) or (like.device if like is not None else 'cpu'))
        data = args[1] if like is not None else args[0] if args else kwargs.pop('data')
        if device.type != NAME or is_on_device(data):
            return func(*args, **kwargs, device=device)
        kwargs.setdefault('dtype', None if like is None else like.dtype)
        self.waits[Wait('copy from a list', _asked_by())] += 1
        return torch.as_tensor(data, dtype=kwargs['dtype']).to(device)


def _to_cpu(name: str, args: Sequence[Any], target: Any) -> Tensor | None:
    """The tensor that an operator copies from the device to the CPU, or None."""
    if name == 'copy_':
        return args[1] if is_on_device(args[1]) and not is_on_device(args[0]) else None
    return args[0] if target is not None and torch.device(target).type == 'cpu' and is_on_device(args[0]) else None


def _answer(name: str, tensor: Tensor, args: Sequence[Any]) -> Any:
    """Something of the right kind where the real answer needs data."""
    if name in {'equal', 'is_nonzero'}:
        return name == 'is_nonzero'
    if name in {'_local_scalar_dense', 'item'}:
        return True if tensor.dtype == torch.bool else 0.5 if tensor.is_floating_point() else 1
    some = max(1, tensor.numel() // 2)
    if name == 'nonzero':
        return tensor.new_zeros((some, max(1, tensor.ndim)), dtype=torch.int64)
    if name == 'masked_select':
        return args[0].new_zeros((some,))
    counted = tensor.new_zeros((2,), dtype=torch.int64)
    return tensor.new_zeros((2,)), tensor.new_zeros(tensor.shape, dtype=torch.int64), counted


def _as_indices(indices: Sequence[Any]) -> list[Any]:
    """Replace masks by the indices of half of their places."""
    out: list[Any] = []
    for each in indices:
        if getattr(each, 'dtype', None) == torch.bool:
            out += [each.new_zeros((max(1, each.numel() // 2),), dtype=torch.int64) for _ in range(each.ndim)]
        else:
            out.append(each)
    return out


def _flat(values: Any) -> Iterator[Any]:
    for value in values:
        if isinstance(value, (tuple, list)):
            yield from _flat(value)
        else:
            yield value


def _asked_by() -> str:
    """The innermost line of this package, and that of another library which it called; neither torch nor this room."""
    frames = [frame for frame in reversed(traceback.extract_stack()) if '/rehearsal/' not in frame.filename]
    frames = [frame for frame in frames if '/torch/' not in frame.filename]
    ours = next((i for i, frame in enumerate(frames) if '/i2vda_mmseg/' in frame.filename), len(frames) - 1)
    named = [frames[ours], *frames[: min(1, ours)]]
    return ', in '.join(f'{_short(frame.filename)}:{frame.lineno} {frame.line}' for frame in named)


def _short(path: str) -> str:
    return path.rpartition('site-packages/')[2].rpartition('/i2vda_mmseg/')[2]
