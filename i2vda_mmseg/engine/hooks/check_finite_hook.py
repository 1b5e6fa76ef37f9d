"""Numbers that go wrong stop the run."""

import math
from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any, NamedTuple

import torch
from mmengine.dist import all_reduce
from mmengine.hooks import Hook
from mmengine.optim import OptimWrapper
from mmengine.runner import Runner
from mmseg.registry import HOOKS
from torch import Tensor
from torch.optim import Optimizer

from i2vda_mmseg.engine.late_values import LateValues, is_elsewhere
from i2vda_mmseg.engine.optimizers import wrappers_of
from i2vda_mmseg.errors import NonFiniteError
from i2vda_mmseg.models.wrappers import unwrapped


@HOOKS.register_module()
class CheckFiniteHook(Hook):
    """Stop at a loss or a gradient that is NaN or infinite, before it reaches the weights or a checkpoint.

    On a CPU gradients are looked at right before an optimizer's step, and the loss terms after each iteration. On a GPU
    the program does not wait for them: the answer is read an iteration later, when a bad step may have been made, but
    always before a validation and before a checkpoint is written. All ranks stop together, by one reduction an
    iteration, which also carries the flags of other hooks (``carried``). Where a ``loss_scaler`` is at work (float16),
    infinite gradients are part of its search for a scale: it leaves the step out, and only too many of these in a row
    stop the run.

    Args:
        max_skipped: Steps in a row that a ``loss_scaler`` may leave out; its scale of 65536 is below 1 after 17.

    Attributes:
        carried: By name, what is asked on each rank after each iteration.
        raised: By name, whether a rank has answered yes, as far as answers have arrived.

    Raises:
        ValueError: If ``max_skipped`` is not positive.
    """

    priority = 'VERY_HIGH'

    def __init__(self, max_skipped: int = 30) -> None:
        if max_skipped < 1:
            raise ValueError(f'max_skipped must be positive, got {max_skipped}')
        self.max_skipped = max_skipped
        self.carried: dict[str, Callable[[], bool]] = {}
        self.raised: dict[str, bool] = {}
        self._late = LateValues()
        self._norms: dict[str, tuple[list[Tensor], Tensor]] = {}  # parameters and gradients' norms, by optimizer
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
        terms = outputs or {}
        seen = Seen(runner.iter + 1, tuple(terms), {name: each[0] for name, each in self._norms.items()}, self._paths())
        values = [value if is_elsewhere(value) else torch.tensor(float(value)) for value in terms.values()]
        norms = [norm for _, norm in self._norms.values()]
        self._norms = {}
        is_late = bool(terms) and all(map(is_elsewhere, values))
        vector = torch.cat([value.float().reshape(-1) for value in (*values, *norms)]) if values or norms else None
        vector = self._reduced(vector)
        if is_late:
            self._late.send(seen, vector)
            self.deliver(runner, keep=1)
        else:
            self._judge(runner, seen, vector.tolist())
        for name, wrapper in wrappers_of(runner.optim_wrapper).items():
            self._count_skipped(runner, name, wrapper)

    def before_val(self, runner: Runner) -> None:
        """Validate no weights that went wrong."""
        self.deliver(runner)

    def deliver(self, runner: Runner, keep: int = 0) -> None:
        """Look at what has arrived from a GPU, but for the last ``keep`` iterations."""
        for seen, values in self._late.arrived(keep):
            self._judge(runner, seen, values)

    def _reduced(self, vector: Tensor | None) -> Tensor:
        """Put in front whether any rank has something to say: that a number went wrong, and the carried flags."""
        if vector is None:
            vector = torch.zeros(0)
        flags = torch.zeros(1 + len(self.carried), device=vector.device)
        flags[0] = (~vector.isfinite()).any()
        for i, ask in enumerate(self.carried.values()):
            if ask():
                flags[1 + i].fill_(1.0)
        all_reduce(flags, 'max')
        return torch.cat((flags, vector))

    def _judge(self, runner: Runner, seen: 'Seen', values: list[float]) -> None:
        """Raise for what went wrong in an iteration, and keep the flags."""
        flags, values = values[: 1 + len(self.carried)], values[1 + len(self.carried) :]
        self.raised = {name: bool(flag) for name, flag in zip(self.carried, flags[1:])}
        if not flags[0]:
            return
        terms = dict(zip(seen.terms, values))
        norms = values[len(terms) :]
        for network, parameters in seen.gradients.items():
            mine, norms = norms[: len(parameters)], norms[len(parameters) :]
            bad = [parameter for parameter, norm in zip(parameters, mine) if not math.isfinite(norm)]
            if bad:
                raise self._error(runner, _in_gradients(runner, network, bad), terms, seen)
        bad_terms = [name for name, value in terms.items() if not math.isfinite(value)]
        which = (
            f'{" and ".join(bad_terms)} went wrong' if bad_terms else "another rank's loss went wrong, see its message"
        )
        raise self._error(runner, which, terms, seen)

    def _paths(self) -> tuple[str, ...]:
        return tuple(path for paths in self._samples for path in paths)

    def _before_step(self, runner: Runner, name: str, optimizer: Optimizer, *_: Any) -> None:
        self._stepped.add(name)
        learnt = [p for group in optimizer.param_groups for p in group['params'] if p.grad is not None]
        gradients = [parameter.grad for parameter in learnt]
        if gradients and all(map(is_elsewhere, gradients)):
            self._norms[name] = (learnt, torch.stack(torch._foreach_norm(gradients, math.inf)).float())
        elif not is_finite(gradients):
            bad = [parameter for parameter in learnt if not is_finite([parameter.grad])]
            raise self._error(runner, _in_gradients(runner, name, bad))

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

    def _error(
        self, runner: Runner, which: str, terms: Mapping[str, Any] | None = None, seen: 'Seen | None' = None
    ) -> NonFiniteError:
        iteration, paths = (seen.iteration, seen.paths) if seen else (runner.iter + 1, self._paths())
        terms = getattr(unwrapped(runner.model), 'loss_terms', {}) if terms is None else terms
        written = ', '.join(f'{name}={float(value):.4g}' for name, value in terms.items())
        return NonFiniteError(
            f'training stopped in iteration {iteration} of {runner.max_iters}: {which}. Loss terms: '
            f'{written or "none yet"}. Samples: {", ".join(paths) or "without paths"}. No weights of this iteration '
            f'were saved: the last checkpoint in {runner.work_dir} is good'
        )


class Seen(NamedTuple):
    """What the numbers of an iteration are of: its number from 1, terms, parameters by optimizer, samples."""

    iteration: int
    terms: tuple[str, ...]
    gradients: Mapping[str, list[Tensor]]
    paths: tuple[str, ...]


def _in_gradients(runner: Runner, network: str, bad: list[Tensor]) -> str:
    ours = {id(parameter) for parameter in bad}
    names = [key for key, parameter in unwrapped(runner.model).named_parameters() if id(parameter) in ours]
    return f'the gradient of {network or "the model"} is not finite in {len(bad)} tensors, the first of them {names[0]}'


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
