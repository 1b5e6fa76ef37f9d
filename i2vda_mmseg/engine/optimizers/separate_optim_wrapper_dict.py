"""Optimizers and schedulers, of which a run has one or several, by name."""

from collections.abc import Iterator, Mapping
from typing import Any

from mmengine.optim import OptimWrapper, OptimWrapperDict
from torch import nn

from i2vda_mmseg.models.wrappers import unwrapped


class SeparateOptimWrapperDict(OptimWrapperDict):
    """An ``OptimWrapperDict`` whose members accumulate gradients as a single ``OptimWrapper`` does.

    mmengine tells a dict of optimizers neither the iteration at which a run is resumed nor its end. Here each member is
    told: windows of ``accumulative_counts`` iterations lie at multiples of that number, also after a resume, and a
    shorter last window is scaled by its own length and stepped.
    """

    def initialize_count_status(self, model: nn.Module, cur_iter: int, max_iters: int) -> None:
        """Tell each optimizer where the run is; the model, which sees no runner, may refuse it in ``check_run``.

        Raises:
            ConfigError: If the model cannot learn in this run.
            ValueError: If ``cur_iter`` lies inside a window, whose gradients no checkpoint holds.
        """
        getattr(unwrapped(model), 'check_run', lambda: None)()
        for name, wrapper in self.items():
            window = wrapper._accumulative_counts
            if cur_iter % window:
                raise ValueError(
                    f'cannot start at iteration {cur_iter}: it lies inside a window of {window} iterations over which '
                    f'optim_wrapper.{name} accumulates gradients, and a checkpoint does not hold them; resume from '
                    f'one whose iteration is a multiple of {window}'
                )
            wrapper.initialize_count_status(getattr(unwrapped(model), name), cur_iter, max_iters)


def wrappers_of(optim_wrapper: OptimWrapper | OptimWrapperDict) -> dict[str, OptimWrapper]:
    """Give the optimizers of a run by name; a single one has the name ''."""
    return dict(optim_wrapper.items()) if isinstance(optim_wrapper, OptimWrapperDict) else {'': optim_wrapper}


def schedulers_of(value: Any) -> Iterator[tuple[str, Any]]:
    """Give the schedulers of a config, a runner or a checkpoint by the paths of their configs.

    Example:
        >>> [path for path, _ in schedulers_of(dict(segmentor=[dict(type='PolyLR')]))]
        ['param_scheduler.segmentor.0']
    """
    named = value if isinstance(value, Mapping) and 'type' not in value else {'': value or []}
    for name, members in named.items():
        for index, member in enumerate(members if isinstance(members, (list, tuple)) else [members]):
            yield '.'.join(filter(None, ('param_scheduler', name, str(index)))), member
