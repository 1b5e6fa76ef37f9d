"""Checkpoints that a run can be killed beside, and gone on from without a trace."""

from collections import deque
from pathlib import Path
from typing import Any, ClassVar

from mmengine.dist import broadcast_object_list, is_main_process
from mmengine.hooks import CheckpointHook
from mmengine.runner import IterBasedTrainLoop, Runner
from mmseg.registry import HOOKS

from i2vda_mmseg.engine.checkpoints import POINTER
from i2vda_mmseg.engine.late_values import deliver_all
from i2vda_mmseg.engine.optimizers import wrappers_of
from i2vda_mmseg.fileio.atomic import remove_unfinished, write_atomically
from i2vda_mmseg.fileio.atomic_checkpoint import BACKEND

_VALIDATED = 'iter_validated'  # mmengine prints what begins with val


@HOOKS.register_module()
class AtomicCheckpointHook(CheckpointHook):
    """mmengine's ``CheckpointHook``, safe against being killed at any moment.

    A checkpoint has its name only when it is complete and on the disk; then ``last_checkpoint`` names it; then the ones
    beyond ``max_keep_ckpts`` are removed, or at the next start if the run was killed before. A validation that was due
    after the checkpoint is made up for when the run goes on, so that the history is that of an uninterrupted run. A run
    that another hook ends early, as ``EarlyStoppingHook`` does, leaves a checkpoint of its end.

    Args:
        *args: Those of ``CheckpointHook``.
        **kwargs: Those of ``CheckpointHook``. ``backend_args`` is by default the local disk, written atomically;
            ``save_best='label_free/rank'`` needs no ``rule``.

    Raises:
        ValueError: If ``interval`` is no multiple of the iterations over which gradients are accumulated.
        RuntimeError: If the ranks go on from different iterations.
        OSError: If a checkpoint cannot be written; the last complete one is kept.
    """

    _default_less_keys: ClassVar[list[str]] = [*CheckpointHook._default_less_keys, 'label_free/rank']
    backend_args: dict | None
    last_ckpt: str | None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.backend_args is None and '://' not in str(self.out_dir):
            self.backend_args = dict(backend=BACKEND)

    def before_train(self, runner: Runner) -> None:
        """Clean up after a killed run, and let ``last_checkpoint`` name what this run starts from."""
        self._check_interval(runner)
        _check_same_start(runner)
        _distrust(runner, self.out_dir or runner.work_dir)
        if is_main_process():
            for path in remove_unfinished(runner.work_dir):
                runner.logger.info(f'removed {path}, left by a run that was killed')
            self._point_to_start(runner)
        super().before_train(runner)

    def before_train_epoch(self, runner: Runner) -> None:
        """Make up for a validation that was due when the checkpoint was written, and is not in it."""
        loop = runner.train_loop
        if not isinstance(loop, IterBasedTrainLoop) or runner.val_loop is None or runner.iter < max(loop.val_begin, 1):
            return
        due = runner.iter % loop.val_interval == 0 or runner.iter == runner.max_iters
        if due and runner.message_hub.get_info(_VALIDATED) != runner.iter:
            runner.val_loop.run()

    def after_val_epoch(self, runner: Runner, metrics: dict[str, float]) -> None:
        """Note that this iteration's network has been validated."""
        runner.message_hub.update_info(_VALIDATED, runner.iter)
        super().after_val_epoch(runner, metrics)

    def after_train(self, runner: Runner) -> None:
        """Save what a run has come to that another hook has ended before its last iteration."""
        ends_early = not self.by_epoch and 0 < runner.iter < runner.max_iters
        if ends_early and self.save_last and not self.has_saved(runner.iter):
            self.save(runner, runner.iter)
        super().after_train(runner)

    def has_saved(self, step: int) -> bool:
        """Whether this process has written the checkpoint of an iteration."""
        return self.last_ckpt is not None and Path(self.last_ckpt).name == self.filename_tmpl.format(step)

    def save(self, runner: Runner, step: int) -> None:
        """Write the checkpoint of the state after ``step`` iterations."""
        self._save_checkpoint_with_step(runner, step, dict(epoch=runner.epoch, iter=step))

    def _save_checkpoint_with_step(self, runner: Runner, step: int, meta: dict) -> None:
        deliver_all(runner)
        kept = [*(number for number in getattr(self, 'keep_ckpt_ids', ()) if number != step), step]
        previous, name = self.last_ckpt, self.filename_tmpl.format(step)
        self.last_ckpt = self.file_backend.join_path(self.out_dir, name)
        runner.message_hub.update_info('last_ckpt', self.last_ckpt)
        if self.max_keep_ckpts > 0:
            # With the outdated one in the list, a run that is killed before removing it removes it at its next start.
            runner.message_hub.update_info('keep_ckpt_ids', kept)
        try:
            options: dict[str, Any] = dict(file_client_args=self.file_client_args, backend_args=self.backend_args)
            options.update(save_optimizer=self.save_optimizer, save_param_scheduler=self.save_param_scheduler)
            runner.save_checkpoint(self.out_dir, name, meta=meta, by_epoch=self.by_epoch, **options, **self.args)
            if is_main_process():
                write_atomically(self.last_ckpt, Path(runner.work_dir, POINTER))
        except OSError as error:
            advice = 'Make room or choose another --work-dir, and go on with --resume auto'
            good = previous or _named(runner) or 'none'
            raise OSError(error.errno, f'{error.strerror} The last good checkpoint is {good}. {advice}') from error
        if self.max_keep_ckpts > 0:
            self._remove_outdated(runner, kept)

    def _remove_outdated(self, runner: Runner, kept: list[int]) -> None:
        self.keep_ckpt_ids = deque(kept, self.max_keep_ckpts)
        runner.message_hub.update_info('keep_ckpt_ids', list(self.keep_ckpt_ids))
        for number in kept[: -self.max_keep_ckpts]:
            path = self.file_backend.join_path(self.out_dir, self.filename_tmpl.format(number))
            if is_main_process() and self.file_backend.isfile(path):
                self.file_backend.remove(path)

    def _check_interval(self, runner: Runner) -> None:
        wrappers = wrappers_of(runner.optim_wrapper).values()
        window = max(getattr(each, '_accumulative_counts', 1) for each in wrappers)
        if not self.by_epoch and self.interval > 0 and self.interval % window:
            raise ValueError(
                f'default_hooks.checkpoint.interval is {self.interval}, but gradients are accumulated over {window} '
                'iterations, and a checkpoint in between would lose them: choose a multiple'
            )

    def _point_to_start(self, runner: Runner) -> None:
        named = _named(runner) or ''
        start = (str(runner._load_from) if runner._load_from else named) if runner.iter > 0 else ''
        if named and not start:
            runner.logger.warning(f'starting afresh, although {runner.work_dir} holds checkpoints of an earlier run')
        if start != named:
            write_atomically(start, Path(runner.work_dir, POINTER))


def _named(runner: Runner) -> str | None:
    """Read which checkpoint is the last one, or where training started from."""
    path = Path(runner.work_dir, POINTER)
    return (path.read_text(encoding='utf-8', errors='replace').strip() or None) if path.is_file() else None


def _check_same_start(runner: Runner) -> None:
    first = [runner.iter]
    broadcast_object_list(first)
    if first[0] != runner.iter:
        raise RuntimeError(
            f'this rank goes on from iteration {runner.iter}, but rank 0 from {first[0]}: do all machines see the same '
            f'{runner.work_dir}?'
        )


def _distrust(runner: Runner, folder: str) -> None:
    """Drop from a checkpoint's notes the files that mmengine would delete outside the folder of the checkpoints."""
    notes = runner.message_hub.runtime_info
    if 'keep_ckpt_ids' in notes:
        notes['keep_ckpt_ids'] = [number for number in notes['keep_ckpt_ids'] if type(number) is int]
    inside = Path(folder).resolve()
    for key in [key for key in notes if key.startswith('best_ckpt')]:
        if not isinstance(notes[key], str) or inside not in Path(notes[key]).resolve().parents:
            runner.message_hub.pop_info(key)
