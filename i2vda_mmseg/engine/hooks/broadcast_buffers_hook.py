"""One set of batch-norm statistics for an evaluation on several ranks."""

from mmengine.dist import broadcast
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmseg.registry import HOOKS


@HOOKS.register_module()
class BroadcastBuffersHook(Hook):
    """Give every rank the buffers of rank 0 before validation.

    Each rank keeps running statistics of its own in training, and a checkpoint holds those of rank 0: without this,
    the ranks would validate networks that differ from each other and from the one that is stored.
    """

    def before_val(self, runner: Runner) -> None:
        """Broadcast the buffers of rank 0."""
        for buffer in runner.model.buffers():
            broadcast(buffer, src=0)
