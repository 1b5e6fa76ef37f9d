"""Pictures of the training, wherever the visualizer sends them."""

from typing import Any

import torch
from mmengine.dist import is_main_process
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmseg.registry import HOOKS

from i2vda_mmseg.engine.panels import target_cells
from i2vda_mmseg.models.wrappers import unwrapped
from i2vda_mmseg.visualization import draw_panel


@HOOKS.register_module()
class PanelHook(Hook):
    """Every ``interval`` iterations, hand a panel of the batch's first target pair to the runner's visualizer.

    Local files, TensorBoard and W&B all show it: whatever ``vis_backends`` names. It is drawn by rank 0 in eval mode,
    between two iterations, and leaves the training as it was. No config has it by default; to add it::

        custom_hooks = [dict(type='PanelHook', interval=500)]

    Args:
        interval: Iterations between two panels, at least 1.

    Raises:
        ValueError: If ``interval`` is below 1.
    """

    priority = 'LOW'

    def __init__(self, interval: int = 1000) -> None:
        if interval < 1:
            raise ValueError(f'PanelHook.interval must be at least 1, got {interval}')
        self.interval = interval

    def after_train_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None, *_: Any, **__: Any) -> None:
        """Draw, if it is time."""
        if not self.every_n_train_iters(runner, self.interval) or not is_main_process():
            return
        model = unwrapped(runner.model)
        meta = runner.train_dataloader.dataset.metainfo
        with torch.random.fork_rng(devices=[]):
            model.eval()
            target = model.data_preprocessor(data_batch, training=True)['target']
            cells, sharp = target_cells(model, target, meta['palette'])
            model.train()
        legend = [*zip(meta['classes'], meta['palette']), ('ignored', (0, 0, 0))]
        panel = draw_panel(cells, nearest=sharp, legend=legend, title=f'iteration {runner.iter + 1}')
        runner.visualizer.add_image('panel', panel, step=runner.iter + 1)
