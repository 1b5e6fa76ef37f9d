"""When the proxy network M' is renewed, Algorithm 1 lines 5-8."""

from mmengine.dist import broadcast
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmseg.registry import HOOKS

from i2vda_mmseg.models.wrappers import unwrapped


@HOOKS.register_module()
class ProxyCopyHook(Hook):
    """Copy M to M' every ``interval`` iterations, and start the temporal-augmented consistency at ``launch``.

    The copy takes parameters and buffers, before the iteration's forward pass, when ``iter % interval == 0``: iteration
    0 is the first. (Algorithm 1 prints ``if iter % ITER_COPY``, which would be every iteration but those.) With several
    ranks the buffers of rank 0 are copied everywhere, the only ones that a checkpoint holds.

    Args:
        interval: ITER_COPY of the paper.
        launch: ITER_LAUNCH of the paper: the first iteration with L_tc.
        copy_at_launch: Copy at ``launch`` as well. Without it, a launch between two copies (rows of Table 4) starts
            from an old M', at worst the random one of iteration 0.

    Raises:
        ValueError: If ``interval`` is not positive or ``launch`` is negative.
    """

    priority = 'HIGH'

    def __init__(self, interval: int = 8000, launch: int = 8000, copy_at_launch: bool = False) -> None:
        if interval < 1 or launch < 0:
            raise ValueError(f'interval must be positive and launch not negative, got {interval} and {launch}')
        self.interval = interval
        self.launch = launch
        self.copy_at_launch = copy_at_launch

    def before_train(self, runner: Runner) -> None:
        """Refuse a model without a proxy, and a launch that never comes."""
        if not hasattr(unwrapped(runner.model), 'proxy'):
            raise TypeError(
                f'ProxyCopyHook needs a model with a proxy; {type(unwrapped(runner.model)).__name__} has none'
            )
        if self.launch >= runner.max_iters:
            runner.logger.warning(
                f'ProxyCopyHook launches L_tc at iteration {self.launch}, but training ends at {runner.max_iters}: '
                'the temporal-augmented consistency will never be used'
            )

    def before_train_iter(self, runner: Runner, batch_idx: int, data_batch: dict | None = None) -> None:
        """Copy M to M' when due, and say whether L_tc is on."""
        model = unwrapped(runner.model)
        model.launched = runner.iter >= self.launch
        is_launch = self.copy_at_launch and runner.iter == self.launch
        if runner.iter % self.interval == 0 or is_launch:
            segmentor = unwrapped(model.segmentor)
            for buffer in segmentor.buffers():
                broadcast(buffer, src=0)
            model.proxy.load_state_dict(segmentor.state_dict())
