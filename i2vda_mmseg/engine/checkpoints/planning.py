"""The plan of a run, its rates and schedules, and whether a checkpoint was trained under the same."""

import math
import warnings
from collections.abc import Iterator, Mapping
from copy import deepcopy
from typing import Any

from mmengine.logging import print_log
from mmengine.runner import Runner

from i2vda_mmseg.engine.optimizers import schedulers_of, wrappers_of
from i2vda_mmseg.errors import ConfigError

from .resuming import read_resumable

_PROGRESS = {'last_step', '_global_step', '_last_value', '_get_value_called_within_step', 'verbose', 'base_values'}
_IMPLEMENTATION = {'foreach', 'fused', 'capturable', 'differentiable'}  # how an optimizer computes, not what
_WAY_OUT = (
    'Go on under the plan of the checkpoint by setting it back, or under that of the config with --extend (in Python: '
    'runner.extends = True): schedules start from its rates and are brought to the iteration, momenta stay'
)


class Plan:
    """What the config of a run says about optimizers and schedulers, before a checkpoint overrides it.

    Args:
        runner: Its optimizers and schedulers are built.
    """

    def __init__(self, runner: Runner) -> None:
        self.runner = runner
        self.groups = {path: _settings(optimizer.param_groups) for path, optimizer in _optimizers(runner).items()}
        self.schedulers = dict(schedulers_of(runner.param_schedulers))
        self.schedules = {path: deepcopy(each.state_dict()) for path, each in self.schedulers.items()}

    def require(self, checkpoint: str) -> None:
        """Refuse a checkpoint of another plan.

        Raises:
            ConfigError: With the key that differs and both values, or if the run was made longer and not its schedule.
        """
        content = read_resumable(checkpoint)
        difference = next(self._differences(content), None)
        if difference is not None:
            raise ConfigError(f'{difference}, with which {checkpoint} was trained. {_WAY_OUT}')
        done, end = content['meta']['iter'], self.runner.max_iters
        if done > end:
            raise ConfigError(f'train_cfg.max_iters: {end}, but {checkpoint} has been trained for {done} iterations')
        if end > content['message_hub']['runtime_info'].get('max_iters', end):  # it has been made longer
            _require_rates({path: self._saved_groups(content, path) for path in self.groups}, done, end)

    def follow(self) -> None:
        """Bring the config's rates and schedules to the iteration of the resumed run; states of optimizers stay.

        Raises:
            ConfigError: If the checkpoint has an optimizer of another kind, training has several stages, or the
                schedule has ended.
        """
        if hasattr(self.runner.train_loop, 'stages'):
            raise ConfigError('train_cfg.type: --extend changes the schedule of one stage, and this loop has several')
        for path, optimizer in _optimizers(self.runner).items():
            for group, planned in zip(optimizer.param_groups, self.groups[path], strict=True):
                _check_kind(path, _at_start(planned), _at_start(group))
                group.update(deepcopy(planned))
        iteration = self.runner.iter
        for path, scheduler in self.schedulers.items():
            scheduler.load_state_dict(self.schedules[path])
        with warnings.catch_warnings():
            warnings.simplefilter('ignore')  # a scheduler that is stepped without its optimizer warns
            for _ in range(iteration):
                for scheduler in self.schedulers.values():
                    scheduler.step()
        groups = {path: optimizer.param_groups for path, optimizer in _optimizers(self.runner).items()}
        _require_rates(groups, iteration, self.runner.max_iters)
        print_log(f'--extend: the schedule of the config from iteration {iteration} on', logger='current')

    def _differences(self, content: Mapping[str, Any]) -> Iterator[str]:
        for path, planned in self.groups.items():
            saved = self._saved_groups(content, path)
            if len(saved) != len(planned):
                yield f'{path}: it is not the optimizer, or has not the parameter groups'
                return
            for own, other in zip(map(_at_start, planned), map(_at_start, saved)):
                _check_kind(path, own, other)
                for key in sorted((own.keys() & other.keys()) - _IMPLEMENTATION):
                    if not _same(own[key], other[key]):
                        yield f'{path}.optimizer.{key}: {own[key]}, and not {other[key]}'
        yield from self._schedule_differences(content.get('param_schedulers'))

    @staticmethod
    def _saved_groups(content: Mapping[str, Any], path: str) -> list[dict[str, Any]]:
        optimizers, name = content['optimizer'], path.partition('.')[2]
        return (optimizers.get(name, {}) if name else optimizers).get('param_groups', [])

    def _schedule_differences(self, saved: Any) -> Iterator[str]:
        former = dict(schedulers_of(saved))
        if former.keys() != self.schedulers.keys():
            yield f'param_scheduler: {sorted(self.schedulers)}, and not {sorted(former)}'
        for path, scheduler in self.schedulers.items():
            own, other = scheduler.state_dict(), former.get(path, {})
            if own.keys() != other.keys():
                yield f'{path}.type: {type(scheduler).__name__}, and not the kind of schedule'
                continue
            for key in sorted(own.keys() - _PROGRESS):
                if not _same(own[key], other[key]):
                    yield f'{path}.{key}: {own[key]}, and not {other[key]}'


def _require_rates(groups: Mapping[str, list[dict[str, Any]]], iteration: int, end: int) -> None:
    """Refuse more than one iteration whose learning rates are 0 throughout because the schedule has ended.

    ``groups`` are those of the parameters, by the path of the optimizer, as they go on from ``iteration`` to ``end``.
    """
    for path, members in groups.items():
        if end - iteration > 1 and not any(group['lr'] for group in members) and any(map(_base_rate, members)):
            raise ConfigError(
                f'{path.replace("optim_wrapper", "param_scheduler")}: the rate is 0 from iteration {iteration} on, so '
                f'that going on until train_cfg.max_iters={end} would change nothing; set the end of the schedule to '
                f'{end + 1}, too, and go on with --extend'
            )


def _base_rate(group: Mapping[str, Any]) -> Any:
    return group.get('initial_lr', group['lr'])


def _check_kind(path: str, own: Mapping[str, Any], other: Mapping[str, Any]) -> None:
    """Compare the names of settings, but for switches that are off, which releases of torch add."""
    if {key for key in own.keys() ^ other.keys() if own.get(key) or other.get(key)}:
        raise ConfigError(
            f'{path}.optimizer.type: the checkpoint was trained with an optimizer of another kind, whose state does '
            'not fit; start a run of its own from its weights, with load_from instead of --resume'
        )


def _settings(groups: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{key: deepcopy(value) for key, value in group.items() if key != 'params'} for group in groups]


def _optimizers(runner: Runner) -> dict[str, Any]:
    wrappers = wrappers_of(runner.optim_wrapper)
    return {f'optim_wrapper.{name}'.rstrip('.'): wrapper.optimizer for name, wrapper in wrappers.items()}


def _at_start(group: Mapping[str, Any]) -> dict[str, Any]:
    """Give the settings of a group before a schedule moved them."""
    plain = {key: value for key, value in group.items() if key != 'params' and not key.startswith('initial_')}
    return {key: group.get(f'initial_{key}', value) for key, value in plain.items()}


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, float) and isinstance(other, (int, float)):
        return math.isclose(one, other, rel_tol=1e-9)
    if isinstance(one, (list, tuple)) and isinstance(other, (list, tuple)):
        return len(one) == len(other) and all(map(_same, one, other))
    return one == other
