"""What labellers share: which frames, which prediction, which rank."""

from collections.abc import Iterator, Sequence
from copy import deepcopy
from typing import Any

import torch
import torch.nn.functional as F
from mmengine.dataset import pseudo_collate
from mmengine.dist import get_dist_info
from mmengine.runner import Runner
from mmseg.registry import DATASETS
from torch import Tensor
from torch.utils.data import DataLoader, Subset

from i2vda_mmseg.engine.frame_predictor import find_test_dataset
from i2vda_mmseg.models.statistics import evaluating
from i2vda_mmseg.models.wrappers import unwrapped
from i2vda_mmseg.ops import upsample


class Labeller:
    """Labels the frames I_1 of the target's training set with the model as it is.

    The frames are those of ``train_dataloader.dataset.target``, read through the pipeline of the test set, at its size.
    Each rank labels a part of them, one frame at a time, so that labels do not depend on the number of ranks.

    Args:
        scales: Factors of the size at which a frame is predicted; the probabilities are averaged.
        flip: Whether to predict each scale mirrored as well.
    """

    def __init__(self, scales: Sequence[float] = (1.0,), flip: bool = False) -> None:
        self.scales = tuple(scales)
        self.flip = flip

    def __call__(self, runner: Runner, folder: str) -> None:
        """Write the labels of all frames below ``folder``."""
        raise NotImplementedError

    def frames(self, runner: Runner, folder: str) -> Any:
        """Build the data set of the frames to label, which knows where in ``folder`` each label belongs."""
        config = deepcopy(runner.cfg.train_dataloader.dataset.target)
        config.update(pipeline=find_test_dataset(runner.cfg).pipeline, pseudo_label_root=folder, test_mode=True)
        dataset = DATASETS.build(config)
        dataset.full_init()
        return dataset

    def predictions(self, runner: Runner, frames: Any, what: str) -> Iterator[tuple[int, Tensor]]:
        """Predict this rank's ``frames``: yields the index and the probabilities (1, C, H, W) of each."""
        rank, world_size = get_dist_info()
        indices = range(rank, len(frames), world_size)
        workers = runner.cfg.train_dataloader.get('num_workers', 0)
        loader = DataLoader(Subset(frames, indices), num_workers=workers, collate_fn=pseudo_collate)
        model = unwrapped(runner.model)
        with evaluating(model):
            for done, (index, sample) in enumerate(zip(indices, loader)):
                if done % max(len(indices) // 10, 1) == 0:
                    runner.logger.info(f'{what}: {done * world_size} of {len(frames)} frames')
                if done < len(frames) // world_size:  # as many as any rank has: they answer together
                    leave_if_asked(runner)
                batch = model.data_preprocessor(sample)
                yield index, without_padding(self.probs(model, batch['inputs']), batch['data_samples'][0])

    @torch.no_grad()
    def probs(self, model: Any, images: Tensor) -> Tensor:
        """Predict network input (N, 3, H, W), averaged over scales and mirrors; (N, C, H, W)."""
        size = images.shape[-2:]
        total = torch.zeros((), device=images.device)
        for scale in self.scales:
            scaled_size = [round(side * scale) for side in size]
            scaled = F.interpolate(images, scaled_size, mode='bilinear', align_corners=model.align_corners)
            total = total + upsample(model.predicted_logits(scaled), size, model.align_corners).softmax(dim=1)
            if self.flip:
                mirrored = model.predicted_logits(scaled.flip(-1)).flip(-1)
                total = total + upsample(mirrored, size, model.align_corners).softmax(dim=1)
        return total / (len(self.scales) * (2 if self.flip else 1))


def without_padding(probs: Tensor, sample: Any) -> Tensor:
    """Cut off what the preprocessor has added to a frame, such as to make its sides multiples of ``size_divisor``.

    Args:
        probs: (1, C, H, W), at the size of network input.
        sample: The sample of the frame, after preprocessing.
    """
    meta = sample.metainfo
    left, right, top, bottom = meta.get('img_padding_size') or meta.get('padding_size') or (0, 0, 0, 0)
    height, width = probs.shape[-2:]
    return probs[..., top : height - bottom, left : width - right]


def leave_if_asked(runner: Runner) -> None:
    """Let hooks that have been told to stop do so: labels of a large data set take longer than a cluster waits."""
    for hook in getattr(runner, 'hooks', ()):
        if hasattr(hook, 'leave_if_asked'):
            hook.leave_if_asked(runner)
