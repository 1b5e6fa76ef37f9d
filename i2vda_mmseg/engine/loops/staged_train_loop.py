"""Training in several stages, in one run."""

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from mmengine.dist import barrier, broadcast, is_main_process
from mmengine.runner import IterBasedTrainLoop, Runner
from mmengine.runner.checkpoint import load_state_dict
from mmengine.runner.loops import _InfiniteDataloaderIterator
from mmseg.registry import LOOPS, TASK_UTILS

from i2vda_mmseg.engine.checkpoints import read_checkpoint
from i2vda_mmseg.engine.late_values import deliver_all
from i2vda_mmseg.engine.optimizers import wrappers_of
from i2vda_mmseg.fileio.atomic_checkpoint import save_atomically
from i2vda_mmseg.models.wrappers import unwrapped

from .stage import Stage, StageRatesHook, StageWeightsHook, stages_of


@LOOPS.register_module()
class StagedTrainLoop(IterBasedTrainLoop):
    """Train in stages, between which a run labels its target frames, changes its data or starts over.

    The count of iterations runs on over all stages, so that the stage is a function of the iteration, and a resumed run
    needs to know nothing else. Before the first iteration of a stage, in this order:

    * The optimizers forget their momenta and take up the initial learning rate, times the stage's ``lr_factor``, see
      ``StageRatesHook``. For a decay, give each stage a scheduler with its own ``begin`` and ``end``.
    * ``restart=True`` brings back the initial weights of the run, which are kept in ``initial_weights.pth``.
    * The ``labeller`` writes pseudo-labels into ``pseudo_labels/stage_<k>``, on all ranks together, with the weights
      and statistics of rank 0. The folder is there completely or not at all.
    * The training data are built anew from ``train_dataloader``, the stage's ``dataset`` and ``sampler`` merged into it
      (a dict with a ``type`` replaces what was there), and read from the position ``iter * batch_size`` of their own
      stream. The target's ``pseudo_label_root`` becomes the folder of labels, and so does ``{labels}`` in any string.
      With ``target_as_source=True`` the source is the target's data set first, before ``dataset`` is merged.
    * The model learns of it: ``model.stage`` is the stage's index.

    After the last iteration of a stage its weights are kept in ``stage_<k>.pth``, all in the work dir. A run that
    resumes within a stage reads the stage's labels again; one that resumes at its begin makes them anew.

    Args:
        runner: The runner.
        dataloader: Config of the data loader.
        stages: For each stage ``iters`` and any of the settings of a ``Stage``.
        rounds: Settings that the stages with a labeller share; each may change them.
        max_iters: Iteration at which to end early, to try a config; None: the sum of the stages'.
        val_begin: Iteration from which on there are validations.
        val_interval: Iterations between them.
        dynamic_intervals: Pairs of an iteration and the interval from there on.

    Raises:
        ValueError: If the stages are wrong, see ``stages_of``.
        FileNotFoundError: When a run resumes whose labels or initial weights are gone.
    """

    dataloader: Any
    dataloader_iterator: Any

    def __init__(
        self,
        runner: Runner,
        dataloader: Mapping[str, Any],
        stages: Sequence[Mapping[str, Any]],
        rounds: Mapping[str, Any] | None = None,
        max_iters: int | None = None,
        val_begin: int = 1,
        val_interval: int = 1000,
        dynamic_intervals: list[tuple[int, int]] | None = None,
    ) -> None:
        self.stages = stages_of(stages, rounds, max_iters)
        super().__init__(runner, dataloader, self.stages[-1].end, val_begin, val_interval, dynamic_intervals)
        runner.register_hook(StageRatesHook(self.stages))
        runner.register_hook(StageWeightsHook())
        self._dataloader_cfg = dataloader
        self._stage: Stage | None = None
        self._work_dir = Path(runner.work_dir).absolute()

    def labels_of(self, stage: Stage) -> Path:
        """Folder of the pseudo-labels of a stage."""
        return self._work_dir / 'pseudo_labels' / f'stage_{stage.index}'

    @property
    def initial_weights(self) -> Path:
        """File of the weights from which stages restart."""
        return self._work_dir / 'initial_weights.pth'

    @property
    def stage_begin(self) -> int:
        """First iteration of the stage under way."""
        return 0 if self._stage is None else self._stage.begin

    def run(self) -> torch.nn.Module:
        """Train through all stages that are left."""
        self.runner.call_hook('before_train')
        self.runner.call_hook('before_train_epoch')
        self._prepare()
        while self._iter < self._max_iters and not self.stop_training:
            if self._stage is None or self._iter == self._stage.end:
                self._open(next(stage for stage in self.stages if stage.end > self._iter))
            self.runner.model.train()
            self.run_iter(next(self.dataloader_iterator))
            self._decide_current_val_interval()
            if self._is_validation_due():
                self.runner.val_loop.run()
        self.runner.call_hook('after_train_epoch')
        self.runner.call_hook('after_train')
        return self.runner.model

    def keep_weights(self) -> None:
        """Keep the weights of a stage after its last iteration."""
        if self._stage is not None and self._iter + 1 == self._stage.end:
            deliver_all(self.runner)
            self._save(self._work_dir / f'stage_{self._stage.index}.pth', iteration=self._stage.end)

    def _is_validation_due(self) -> bool:
        is_due = self._iter % self.val_interval == 0 or self._iter == self._max_iters
        return self.runner.val_loop is not None and self._iter >= self.val_begin and is_due

    def _prepare(self) -> None:
        """Keep what later stages go back to, or refuse to start without it."""
        for wrapper in wrappers_of(self.runner.optim_wrapper).values():
            for group in wrapper.optimizer.param_groups:
                group.setdefault('initial_lr', group['lr'])
        if not any(stage.restart and stage.begin >= self._iter for stage in self.stages):
            return
        if self._iter == 0:
            self._save(self.initial_weights, iteration=0)
        elif not self.initial_weights.is_file():
            raise FileNotFoundError(
                f'a later stage restarts from the initial weights, but {self.initial_weights} is gone; put it back, or '
                'train from the beginning'
            )

    def _open(self, stage: Stage) -> None:
        """Do what comes before the first iteration of a stage, or what of it a resumed run needs."""
        self._stage = stage
        self.runner.logger.info(f'stage {stage.index}: iterations {stage.begin} to {stage.end}')
        unwrapped(self.runner.model).stage = stage.index
        if stage.restart and self._iter == stage.begin:
            state = read_checkpoint(self.initial_weights)['state_dict']
            load_state_dict(self.runner.model, state, strict=True)
        if stage.index or stage.changes_data:
            self._provide_labels(stage)
            self._build_dataloader(stage)
        self.dataloader_iterator.skip_iter(self._iter)

    def _build_dataloader(self, stage: Stage) -> None:
        config = stage.dataloader(self._dataloader_cfg, str(self.labels_of(stage)))
        former, self.dataloader = self.dataloader, self.runner.build_dataloader(config, seed=self.runner.seed)
        # What hooks have set before training.
        self.dataloader.worker_init_fn = former.worker_init_fn
        if hasattr(former.sampler, 'seed'):
            self.dataloader.sampler.seed = former.sampler.seed
        self.dataloader_iterator = _InfiniteDataloaderIterator(self.dataloader)

    def _provide_labels(self, stage: Stage) -> None:
        """Make the labels of a stage that begins; of one under way, check that they are there."""
        folder = self.labels_of(stage)
        if stage.labeller is not None and self._iter == stage.begin:
            self._make_labels(stage, folder)
        elif stage.labeller is not None and not folder.is_dir():
            raise FileNotFoundError(
                f'iteration {self._iter} is within stage {stage.index}, whose pseudo-labels are gone: {folder}; put '
                f'the folder back, or resume from a checkpoint of iteration {stage.begin} or before, to make them anew'
            )

    def _make_labels(self, stage: Stage, folder: Path) -> None:
        draft = folder.with_name(f'.{folder.name}.tmp')
        for buffer in self.runner.model.buffers():  # a checkpoint holds those of rank 0, which label after a resume
            broadcast(buffer, src=0)
        if is_main_process():
            shutil.rmtree(draft, ignore_errors=True)
            draft.mkdir(parents=True)
        barrier()
        TASK_UTILS.build(stage.labeller)(self.runner, str(draft))
        barrier()
        if is_main_process():
            shutil.rmtree(folder, ignore_errors=True)
            draft.rename(folder)
        barrier()

    def _save(self, path: Path, iteration: int) -> None:
        """Write the weights, on rank 0; the other ranks wait for them."""
        if is_main_process():
            meta = dict(iter=iteration, seed=self.runner.seed, dataset_meta=self.dataloader.dataset.metainfo)
            save_atomically(dict(meta=meta, state_dict=unwrapped(self.runner.model).state_dict()), path)
        barrier()
