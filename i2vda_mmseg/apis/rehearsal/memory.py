"""Peak memory of a training step, from the storages that are alive on the fake device."""

import weakref
from collections import Counter
from collections.abc import Mapping
from typing import Any, NamedTuple

from mmengine.config import Config
from mmengine.hooks import Hook
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from i2vda_mmseg.engine.optimizers import wrappers_of

from .fake_device import NAME
from .rehearse import rehearse

WEIGHTS, GRADIENTS, OPTIMIZER, REST = 'weights', 'gradients', 'optimizer', 'batch and losses'
BLOCK = 512  # bytes; PyTorch's allocator of CUDA memory rounds up to these


class Peak(NamedTuple):
    """Memory at the moment of a step when most is in use.

    Attributes:
        total: Bytes.
        parts: Bytes by what they hold: weights, gradients, optimizer, the activations of each network by its name in
            the model, and the rest.
    """

    total: int
    parts: Mapping[str, int]


def peak_memory(config: Config, precision: str = 'float32') -> Peak:
    """Measure the peak of a training step after the first, on the fake device.

    What a real GPU adds is not in it: CUDA's context (0.3 to 0.6 GB), workspaces of cuDNN, and fragmentation.

    Args:
        config: A config of this package.
        precision: 'float32' or 'bfloat16'.
    """
    watch = MemoryWatch(NAME)
    rehearse(config, iterations=4, precision=precision, watch=watch)
    return watch.peak()


class MemoryWatch(Hook):
    """Watch the storages of a device during the iterations of a run.

    The third iteration tells when the peak is, the fourth what it is made of: both do the same work.

    Args:
        device_type: Type of the device whose tensors count.
    """

    priority = 'LOWEST'

    def __init__(self, device_type: str) -> None:
        self.storages = _Storages(device_type)
        self._peaks: list[int] = []
        self._made_of: Counter[str] = Counter()
        self._handles: list[Any] = []

    def peak(self) -> Peak:
        """The peak, after the run."""
        return Peak(sum(self._made_of.values()), dict(self._made_of.most_common()))

    def before_train(self, runner: Any) -> None:
        """Begin to watch, and name the networks."""
        for name, child in runner.model.named_children():
            self._handles += [
                child.register_forward_pre_hook(lambda *_, name=name: self.storages.names.append(name)),
                child.register_forward_hook(lambda *_: self.storages.leave(), always_call=True),
            ]
        for tensor in (*runner.model.parameters(), *runner.model.buffers()):
            self.storages.see(tensor, WEIGHTS)
        self.storages.__enter__()

    def before_train_iter(self, runner: Any, *_: Any, **__: Any) -> None:
        """Count the operations of an iteration anew."""
        self.storages.restart(stop_at=self._peaks[-1] if len(self._peaks) == 3 else None)

    def after_train_iter(self, runner: Any, *_: Any, **__: Any) -> None:
        """Note when the peak was, or of what it was made."""
        self._peaks.append(self.storages.peak_at)
        if self.storages.snapshot is not None:
            self._made_of = _by_part(runner, self.storages.snapshot)

    def after_train(self, runner: Any) -> None:
        """End."""
        self.storages.__exit__(None, None, None)
        while self._handles:
            self._handles.pop().remove()


class _Storages(TorchDispatchMode):
    """Live bytes by storage, with the network in whose forward pass each was made."""

    def __init__(self, device_type: str) -> None:
        super().__init__()
        self.device_type = device_type
        self.names: list[str] = []
        self.live: dict[int, tuple[int, str]] = {}
        self.bytes = 0
        self.restart(None)

    def restart(self, stop_at: int | None) -> None:
        """Count operations and look for the peak anew; keep what is alive at operation ``stop_at``."""
        self.operations, self.peak_bytes, self.peak_at, self.stop_at = 0, 0, 0, stop_at
        self.snapshot: dict[int, tuple[int, str]] | None = None

    def leave(self) -> None:
        """Come out of a network's forward pass."""
        self.names.pop()

    def see(self, tensor: Tensor, name: str | None = None) -> None:
        """Count the storage of a tensor, unless it is known."""
        if tensor.device.type != self.device_type:
            return
        storage = tensor.untyped_storage()
        key = storage._cdata
        if key in self.live:
            return
        size = -(-storage.nbytes() // BLOCK) * BLOCK
        self.live[key] = (size, name or (self.names[-1] if self.names else REST))
        self.bytes += size
        weakref.finalize(storage, self._gone, key, size)

    def _gone(self, key: int, size: int) -> None:
        del self.live[key]
        self.bytes -= size

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        out = func(*args, **(kwargs or {}))
        for value in tree_leaves(out):
            if isinstance(value, Tensor):
                self.see(value)
        self.operations += 1
        if self.bytes > self.peak_bytes:
            self.peak_bytes, self.peak_at = self.bytes, self.operations
        if self.operations == self.stop_at:
            self.snapshot = dict(self.live)
        return out


def _by_part(runner: Any, live: Mapping[int, tuple[int, str]]) -> Counter[str]:
    """Add the bytes up by part: gradients and the state of optimizers are known by their owners."""
    parameters = list(runner.model.parameters())
    known = {_key(tensor): WEIGHTS for tensor in (*parameters, *runner.model.buffers())}
    for wrapper in wrappers_of(runner.optim_wrapper).values():
        state = [value for values in wrapper.optimizer.state.values() for value in values.values()]
        known |= {_key(value): OPTIMIZER for value in state if isinstance(value, Tensor)}
    known |= {_key(parameter.grad): GRADIENTS for parameter in parameters if parameter.grad is not None}
    parts: Counter[str] = Counter()
    for key, (size, name) in live.items():
        parts[known.get(key, name)] += size
    return parts


def _key(tensor: Tensor | nn.Parameter) -> int:
    return tensor.untyped_storage()._cdata
