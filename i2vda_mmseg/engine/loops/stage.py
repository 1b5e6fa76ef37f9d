"""The stages of a run: when each begins and what it changes."""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field, fields
from typing import Any

from mmengine.hooks import Hook
from mmengine.runner import Runner

from i2vda_mmseg.engine.optimizers import schedulers_of, wrappers_of

LABELS = '{labels}'


@dataclass(frozen=True)
class Stage:
    """One stage of a run."""

    index: int  # number of the stage, from 0
    begin: int  # its first iteration
    end: int  # the iteration after its last
    labeller: Mapping[str, Any] | None = None  # config of what makes its pseudo-labels (in ``TASK_UTILS``), or None
    dataset: Mapping[str, Any] = field(default_factory=dict)  # what it changes in the config of the training data set
    sampler: Mapping[str, Any] = field(default_factory=dict)  # what it changes in the config of the sampler
    # whether the target's data set stands in for the source, before ``dataset`` changes it
    target_as_source: bool = False
    restart: bool = False  # whether it starts from the initial weights of the run
    lr_factor: float = 1.0  # its learning rate at its begin, as a multiple of the run's initial one

    @property
    def changes_data(self) -> bool:
        """Whether its training data differ from those of the config."""
        return bool(self.labeller or self.dataset or self.sampler or self.target_as_source)

    def dataloader(self, config: Mapping[str, Any], labels: str) -> dict[str, Any]:
        """Change the config of a data loader into that of this stage.

        Args:
            config: The run's ``train_dataloader``.
            labels: Folder of the stage's pseudo-labels. It becomes the target's ``pseudo_label_root`` if the stage has
                a labeller, and stands in for ``{labels}`` in strings of ``dataset``.
        """
        changed = deepcopy(dict(config))
        own = dict(dataset=self.dataset, sampler=self.sampler)
        if self.labeller is not None:
            changed = _merged(changed, dict(dataset=dict(target=dict(pseudo_label_root=labels))))
        if self.target_as_source:
            changed = _merged(changed, dict(dataset=dict(source=changed['dataset']['target'])))
        return _merged(changed, _filled_in(own, labels))


def stages_of(
    configs: Sequence[Mapping[str, Any]], rounds: Mapping[str, Any] | None = None, max_iters: int | None = None
) -> list[Stage]:
    """Line up the stages of ``train_cfg.stages``.

    Args:
        configs: For each stage ``iters``, its number of iterations, and any of the settings of a ``Stage``.
        rounds: Settings that the stages with a labeller share; each may change them.
        max_iters: Iteration at which the run ends before its stages do, or None.

    Raises:
        ValueError: If there is no stage, a stage has no or no positive ``iters``, or a key is unknown.
    """
    if not configs:
        raise ValueError('train_cfg.stages is empty; give at least one dict(iters=...)')
    known = {item.name for item in fields(Stage)} - {'index', 'begin', 'end'} | {'iters'}
    stages: list[Stage] = []
    begin = 0
    for index, own in enumerate(configs):
        config = _merged(rounds or {}, own) if 'labeller' in own else own
        unknown = sorted(set(config) - known)
        iters = config.get('iters')
        if unknown:
            raise ValueError(f'train_cfg.stages.{index} has unknown keys {unknown}; known are {sorted(known)}')
        if not isinstance(iters, int) or iters < 1:
            raise ValueError(f'train_cfg.stages.{index}.iters must be a whole number of at least 1, got {iters!r}')
        rest = {key: value for key, value in config.items() if key != 'iters'}
        end = begin + iters if max_iters is None else min(begin + iters, max_iters)
        stages.append(Stage(index, begin, end, **rest))
        begin += iters
        if max_iters is not None and begin >= max_iters:
            break
    if max_iters is not None and max_iters > begin:
        raise ValueError(f'train_cfg.max_iters is {max_iters}, but the stages have {begin} iterations in all')
    return stages


def stages_in(loop: Mapping[str, Any]) -> list[Stage]:
    """Line up the stages of any ``train_cfg``: one where it has no more.

    Raises:
        ValueError: As ``stages_of``.
    """
    if 'stages' in loop:
        return stages_of(loop['stages'], loop.get('rounds'), loop.get('max_iters'))
    return [Stage(0, 0, loop.get('max_iters', 1))]


class StageRatesHook(Hook):
    """Start each stage from the initial learning rates, times its ``lr_factor``, and without momenta.

    This is done at the end of the stage before, after the schedulers' step and before the checkpoint, which holds it: a
    decay whose last value belongs to the iteration after its stage (``end`` = stage's end + 1, as
    ``base * (1 - i / iters) ** power`` asks for) leaves the next stage alone, and a warm-up that begins with the next
    stage acts on its rates.

    Args:
        stages: The stages of the run.
    """

    priority = 80  # between ParamSchedulerHook's LOW and a checkpoint's VERY_LOW

    def __init__(self, stages: Sequence[Stage]) -> None:
        self.factors = {stage.begin: stage.lr_factor for stage in stages[1:]}

    def after_train_iter(self, runner: Runner, *_: Any, **__: Any) -> None:
        """Reset the optimizers where a stage ends."""
        begin = runner.iter + 1
        if begin not in self.factors:
            return
        for wrapper in wrappers_of(runner.optim_wrapper).values():
            wrapper.optimizer.state.clear()
            for group in wrapper.optimizer.param_groups:
                group['lr'] = self.factors[begin] * group['initial_lr']
        for scheduler in dict(schedulers_of(runner.param_schedulers)).values():
            if scheduler.begin == begin:
                for group, value in zip(scheduler.optimizer.param_groups, scheduler._get_value()):
                    group[scheduler.param_name] = value


class StageWeightsHook(Hook):
    """Let the loop keep the weights of a stage, once its last iteration is known to have gone well."""

    priority = 'NORMAL'  # after CheckFiniteHook; before StageRatesHook, and before the checkpoint

    def after_train_iter(self, runner: Runner, *_: Any, **__: Any) -> None:
        """Tell the loop that an iteration is over."""
        runner.train_loop.keep_weights()


def _merged(config: Any, changes: Mapping[str, Any]) -> Any:
    """Merge changes into a config; a dict that names its type replaces what was there."""
    if not isinstance(config, Mapping) or 'type' in changes:
        return deepcopy(dict(changes))
    merged = {key: value for key, value in config.items() if key not in changes}
    for key, value in changes.items():
        merged[key] = _merged(config.get(key, {}), value) if isinstance(value, Mapping) else deepcopy(value)
    return merged


def _filled_in(value: Any, labels: str) -> Any:
    """Put the folder of labels where a config names it."""
    if isinstance(value, Mapping):
        return {key: _filled_in(child, labels) for key, child in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(_filled_in(child, labels) for child in value)
    return value.replace(LABELS, labels) if isinstance(value, str) else value
