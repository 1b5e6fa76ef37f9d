"""When the proxy network M' is renewed, Algorithm 1 lines 5-8."""

from mmengine.dist import broadcast
from mmengine.runner import Runner
from mmseg.registry import HOOKS

from i2vda_mmseg.models.wrappers import unwrapped

from .launch_hook import LaunchHook
from .proxy_ema_hook import ProxyHook


@HOOKS.register_module()
class ProxyCopyHook(ProxyHook, LaunchHook):
    """Copy M to M' every ``interval`` iterations, and start the temporal-augmented consistency at ``launch``.

    The copy takes parameters and buffers, before the iteration's forward pass, when ``iter % interval == 0``: iteration
    0 is the first. (Algorithm 1 prints ``if iter % ITER_COPY``, which would be every iteration but those.) With several
    ranks the buffers of rank 0 are copied everywhere, the only ones that a checkpoint holds.

    Args:
        interval: ITER_COPY of the paper.
        launch: ITER_LAUNCH of the paper: the first iteration with L_tc.
        copy_at_launch: Copy at ``launch`` as well. Without it, a launch between two copies (rows of Table 4) starts
            from an old M', at worst the random one of iteration 0.
        each_stage: Whether both count iterations from the begin of a stage, see ``LaunchHook``.

    Raises:
        ValueError: If ``interval`` is not positive or ``launch`` is negative.
    """

    def __init__(
        self, interval: int = 8000, launch: int = 8000, copy_at_launch: bool = False, each_stage: bool = False
    ) -> None:
        if interval < 1:
            raise ValueError(f'interval must be positive, got {interval}')
        super().__init__(launch, each_stage)
        self.interval = interval
        self.copy_at_launch = copy_at_launch

    def before_train(self, runner: Runner) -> None:
        """Warn of a copy that never comes."""
        super().before_train(runner)
        if self.interval >= runner.max_iters and not self.copy_at_launch:
            runner.logger.warning(
                f"{type(self).__name__} copies M to M' every {self.interval} iterations, but training ends at "
                f"{runner.max_iters}: M' stays the M of iteration 0"
            )

    def before_train_iter(self, runner: Runner, batch_idx: int, data_batch: dict | None = None) -> None:
        """Copy M to M' when due, and say whether L_tc is on."""
        super().before_train_iter(runner, batch_idx, data_batch)
        iteration = self.counted(runner)
        is_launch = self.copy_at_launch and iteration == self.launch
        if iteration % self.interval == 0 or is_launch:
            model = unwrapped(runner.model)
            for buffer in model.segmentor.buffers():
                broadcast(buffer, src=0)
            model.copy_to_proxy()
