"""When the temporal-augmented consistency sets in, Algorithm 1 line 8."""

from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmseg.registry import HOOKS

from i2vda_mmseg.models.wrappers import unwrapped


@HOOKS.register_module()
class LaunchHook(Hook):
    """Start the temporal-augmented consistency, L_tc, at iteration ``launch``: set ``model.launched``.

    For a proxy that is renewed by ``ProxyEMAHook``; ``ProxyCopyHook`` launches by itself.

    Args:
        launch: ITER_LAUNCH of the paper: the first iteration with L_tc.
        each_stage: Whether iterations are counted from the begin of a stage, for stages that start from the initial
            weights; otherwise a later stage would begin with L_tc, from a proxy that has learnt nothing.

    Raises:
        ValueError: If ``launch`` is negative.
    """

    priority = 'HIGH'

    def __init__(self, launch: int = 8000, each_stage: bool = False) -> None:
        if launch < 0:
            raise ValueError(f'launch must not be negative, got {launch}')
        self.launch = launch
        self.each_stage = each_stage

    def before_train(self, runner: Runner) -> None:
        """Warn of a launch that never comes."""
        if self.launch >= runner.max_iters:
            runner.logger.warning(
                f'{type(self).__name__} launches L_tc at iteration {self.launch}, but training ends at '
                f'{runner.max_iters}: the temporal-augmented consistency will never be used'
            )

    def before_train_iter(self, runner: Runner, batch_idx: int, data_batch: dict | None = None) -> None:
        """Say whether L_tc is on."""
        unwrapped(runner.model).launched = self.counted(runner) >= self.launch

    def counted(self, runner: Runner) -> int:
        """Iterations done so far, of the run or of its stage."""
        return runner.iter - (getattr(runner.train_loop, 'stage_begin', 0) if self.each_stage else 0)
