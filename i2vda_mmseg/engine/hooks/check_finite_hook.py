"""Numbers that go wrong stop the run."""

import math
from collections import Counter, deque
from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

import torch
from mmengine.dist import all_reduce
from mmengine.hooks import Hook
from mmengine.optim import OptimWrapper
from mmengine.runner import Runner
from mmseg.registry import HOOKS
from torch import Tensor
from torch.optim import Optimizer

from i2vda_mmseg.engine.optimizers import wrappers_of
from i2vda_mmseg.errors import NonFiniteError
from i2vda_mmseg.models.wrappers import unwrapped


@HOOKS.register_module()
class CheckFiniteHook(Hook):
    """Stop at a loss or a gradient that is NaN or infinite, before it reaches the weights or a checkpoint.

    Gradients are looked at right before an optimizer's step, with one reduction and one transfer; the loss terms after
    each iteration, on every rank, so that all ranks stop together. Where a ``loss_scaler`` is at work (float16),
    infinite gradients are part of its search for a scale: it leaves the step out, and only too many of these in a row
    stop the run.

    Args:
        max_skipped: Steps in a row that a ``loss_scaler`` may leave out; its scale of 65536 is below 1 after 17.

    Raises:
        ValueError: If ``max_skipped`` is not positive.
    """

    priority = 'VERY_HIGH'

    def __init__(self, max_skipped: int = 30) -> None:
        if max_skipped < 1:
            raise ValueError(f'max_skipped must be positive, got {max_skipped}')
        self.max_skipped = max_skipped
        self._samples: deque[list[str]] = deque(maxlen=1)
        self._skipped: Counter[str] = Counter()
        self._counts: dict[str, int] = {}  # iterations that each optimizer has seen
        self._stepped: set[str] = set()
        self._handles: list[Any] = []

    def before_train(self, runner: Runner) -> None:
        """Look at the gradients of every optimizer before each of its steps."""
        wrappers = wrappers_of(runner.optim_wrapper)
        self._samples = deque(maxlen=max(wrapper._accumulative_counts for wrapper in wrappers.values()))
        for name, wrapper in wrappers.items():
            self._counts[name] = wrapper.inner_count
            check = partial(self._before_step, runner, name)
            self._handles.append(wrapper.optimizer.register_step_pre_hook(check))

    def after_train(self, runner: Runner) -> None:
        """Leave the optimizers as they were."""
        while self._handles:
            self._handles.pop().remove()

    def before_train_iter(self, runner: Runner, batch_idx: int, data_batch: dict | None = None) -> None:
        """Remember which samples the gradients of the next step come from."""
        self._samples.append(sample_paths(data_batch))

    def after_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: dict | None = None, outputs: dict | None = None
    ) -> None:
        """Look at the loss terms, and count the steps that a loss scaler left out."""
        bad = [name for name, value in (outputs or {}).items() if not math.isfinite(value)]
        found = torch.tensor(float(len(bad)))
        all_reduce(found)
        if bad or found > 0:
            which = f'{" and ".join(bad)} went wrong' if bad else "another rank's loss went wrong, see its message"
            raise self._error(runner, which, outputs or {})
        for name, wrapper in wrappers_of(runner.optim_wrapper).items():
            self._count_skipped(runner, name, wrapper)

    def _before_step(self, runner: Runner, name: str, optimizer: Optimizer, *_: Any) -> None:
        self._stepped.add(name)
        gradients = [p.grad for group in optimizer.param_groups for p in group['params'] if p.grad is not None]
        if is_finite(gradients):
            return
        model = unwrapped(runner.model)
        bad = [key for key, p in model.named_parameters() if p.grad is not None and not is_finite([p.grad])]
        bad = [key for key in bad if key.startswith(f'{name}.')] or bad
        which = f'the gradient of {name or "the model"} is not finite in {len(bad)} tensors, the first of them {bad[0]}'
        raise self._error(runner, which)

    def _count_skipped(self, runner: Runner, name: str, wrapper: OptimWrapper) -> None:
        is_due = wrapper.inner_count > self._counts[name] and wrapper.should_update()
        self._counts[name] = wrapper.inner_count
        if name in self._stepped:
            self._stepped.remove(name)
            del self._skipped[name]
        elif is_due:
            self._skipped[name] += 1
        if self._skipped[name] > self.max_skipped:
            which = f'the loss scaler of {name or "the model"} left out {self._skipped[name]} steps in a row: no scale '
            raise self._error(runner, which + 'makes its gradients finite')

    def _error(self, runner: Runner, which: str, terms: dict[str, Any] | None = None) -> NonFiniteError:
        terms = getattr(unwrapped(runner.model), 'loss_terms', {}) if terms is None else terms
        samples = [path for paths in self._samples for path in paths]
        written = ', '.join(f'{name}={float(value):.4g}' for name, value in terms.items())
        return NonFiniteError(
            f'training stopped in iteration {runner.iter + 1} of {runner.max_iters}: {which}. Loss terms: '
            f'{written or "none yet"}. Samples: {", ".join(samples) or "without paths"}. No weights of this iteration '
            f'were saved: the last checkpoint in {runner.work_dir} is good'
        )


def is_finite(tensors: Iterable[Tensor]) -> bool:
    """Whether no value of the tensors is NaN or infinite: one pass over them, one number to the CPU.

    Example:
        >>> is_finite([torch.ones(2, 3), torch.tensor([1e30])]), is_finite([torch.ones(2), torch.tensor([math.nan])])
        (True, False)
    """
    tensors = list(tensors)
    if not tensors or torch.stack(torch._foreach_norm(tensors)).isfinite().all():
        return True
    # the sum of squares overflows at 1e19, where every number may still be finite
    return all(bool(tensor.isfinite().all()) for tensor in tensors)


def sample_paths(batch: Any) -> list[str]:
    """Name the images of a training batch, with their domain: 'source 0001.png', 'target a.png + b.png'."""
    named = []
    for domain in ('source', 'target') if isinstance(batch, Mapping) else ():
        for sample in (batch.get(domain) or {}).get('data_samples') or []:
            paths = sample.metainfo.get('frame_paths') or [sample.metainfo.get('img_path', 'without a path')]
            named.append(f'{domain} {" + ".join(map(str, paths))}')
    return named
