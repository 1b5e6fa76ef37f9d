"""Whole clips to ranks."""

from collections.abc import Iterator
from itertools import groupby
from typing import Any

from mmengine.dist import get_dist_info
from mmseg.registry import DATA_SAMPLERS
from torch.utils.data import Sampler


@DATA_SAMPLERS.register_module()
class ClipSampler(Sampler):
    """The frames of whole clips, in order; clip k goes to rank ``k % world_size``.

    Nothing is repeated to make the ranks equally long: a rank may have fewer frames than another, or none.

    Args:
        dataset: Data set whose ``get_data_info(index)['clip']`` names the clip of a frame, such as
            ``CityscapesClipDataset``.
        seed: Not used; mmengine's Runner hands one to every sampler.

    Raises:
        TypeError: If the data set has no clips.
    """

    def __init__(self, dataset: Any, seed: int | None = None) -> None:
        self.seed = seed
        self.rank, self.world_size = get_dist_info()
        if not hasattr(dataset, 'get_data_info') or (len(dataset) and 'clip' not in dataset.get_data_info(0)):
            raise TypeError(
                f'ClipSampler needs a data set of clips, got {type(dataset).__name__}; use a CityscapesClipDataset '
                'with pairs=None'
            )
        groups = groupby(range(len(dataset)), key=lambda index: dataset.get_data_info(index)['clip'])
        self.clips = [list(group) for _, group in groups]

    def __iter__(self) -> Iterator[int]:
        """Indices of this rank's frames."""
        return (index for clip in self._own() for index in clip)

    def __len__(self) -> int:
        """Number of this rank's frames."""
        return sum(len(clip) for clip in self._own())

    def set_epoch(self, epoch: int) -> None:
        """Do nothing: the order is always the same."""

    def _own(self) -> list[list[int]]:
        return self.clips[self.rank :: self.world_size]
