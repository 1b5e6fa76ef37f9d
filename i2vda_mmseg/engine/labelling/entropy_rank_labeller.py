"""Pseudo-labels for all, and a list of the frames to trust."""

import os
from pathlib import Path
from typing import Any

import torch
from mmengine.dist import all_reduce, is_main_process
from mmengine.runner import Runner
from mmseg.registry import TASK_UTILS

from i2vda_mmseg.fileio.atomic import write_atomically
from i2vda_mmseg.fileio.pseudo_labels import write_labels
from i2vda_mmseg.ops import easy_and_hard, normalized_entropy

from .labeller import Labeller

EASY, HARD = 'easy.txt', 'hard.txt'


@TASK_UTILS.register_module()
class EntropyRankLabeller(Labeller):
    """Labels every pixel and ranks the frames by their mean entropy: IntraDA (Pan et al., CVPR 2020).

    Beside the labels of the frames, the plain argmax, it writes ``easy.txt`` and ``hard.txt``: lists for the
    ``ann_file`` of a ``CityscapesSeqDataset``, surest frames first.

    Args:
        easy_share: Share of easy frames; 0.67 gives 1,993 easy and 982 hard ones of Cityscapes' 2,975.
        **kwargs: ``scales`` and ``flip`` of ``Labeller``.

    Raises:
        ValueError: If the target data set has not ``pairs='labelled'``: no list can name other pairs one by one.
    """

    def __init__(self, easy_share: float = 0.67, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.easy_share = easy_share

    def __call__(self, runner: Runner, folder: str) -> None:
        """Label, rank and list."""
        frames = self.frames(runner, folder)
        if frames.pairs != 'labelled':
            raise ValueError(f"needs train_dataloader.dataset.target.pairs='labelled', got {frames.pairs!r}")
        entropies = torch.zeros(len(frames), dtype=torch.float64)
        for index, probs in self.predictions(runner, frames, 'pseudo-labels and entropies'):
            entropies[index] = normalized_entropy(probs.log()).double().mean()
            write_labels(frames.get_data_info(index)['pseudo_label_path'], probs.argmax(dim=1)[0].cpu().numpy())
        all_reduce(entropies)
        easy, hard = easy_and_hard(entropies.tolist(), self.easy_share)
        runner.logger.info(f'{len(easy)} easy and {len(hard)} hard frames')
        if is_main_process():
            for name, indices in ((EASY, easy), (HARD, hard)):
                paths = [frames.get_data_info(index)['img_path'] for index in indices]
                # Further up or down than below the image folder, equal names would be one.
                lines = [Path(os.path.relpath(path, frames.data_prefix['img_path'])).as_posix() for path in paths]
                write_atomically('\n'.join([*lines, '']), Path(folder, name))
