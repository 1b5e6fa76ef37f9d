"""The order in which two domains are read."""

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from mmengine.dist import get_dist_info, sync_random_seed
from mmseg.registry import DATA_SAMPLERS
from torch.utils.data import Sampler

from .pair_index import PairIndex


@DATA_SAMPLERS.register_module()
class DomainPairSampler(Sampler):
    """Endless pairs of a source and a target index, each domain shuffled on its own.

    Each domain is a stream of epochs, and each epoch a fresh permutation that depends on (seed, domain, epoch) only.
    Local sample k of a rank is the global position ``p = k * world_size + rank``, in both streams: together the ranks
    visit every sample of a domain exactly once an epoch, and one rank visits what many would, in the same order. The
    shorter stream simply starts its next epoch earlier. Nothing of the product of the two sets is ever built.

    Args:
        dataset: Data set with ``source`` and ``target`` (``DomainPairDataset``).
        seed: Seed of both streams, the same on all ranks; None draws one and shares it. mmengine's Runner passes its
            own seed unless ``randomness.diff_rank_seed`` is set. The attribute may be set later, before iterating: the
            Runner learns the seed of a resumed run only after it has built the sampler.
        shuffle: Whether to permute; otherwise both domains are read in order, again and again.
        source_share: Share of the source domain that is read, in (0, 1]; a random subset of it.
        source_subset: Number of that subset: another number, another subset of the same size.

    Raises:
        TypeError: If the data set has no ``source`` and ``target``.
        ValueError: If a domain is empty, the seed is negative or ``source_share`` leaves (0, 1].
    """

    def __init__(
        self,
        dataset: Any,
        seed: int | None = None,
        shuffle: bool = True,
        source_share: float = 1.0,
        source_subset: int = 0,
    ) -> None:
        if not (hasattr(dataset, 'source') and hasattr(dataset, 'target')):
            raise TypeError(
                f'DomainPairSampler needs a data set with source and target, got {type(dataset).__name__}; '
                'put a DomainPairDataset in the dataloader.'
            )
        if not 0 < source_share <= 1:
            raise ValueError(f'DomainPairSampler: source_share must lie in (0, 1], got {source_share}.')
        self.source_share, self.source_subset = source_share, source_subset
        self.sizes = (math.ceil(source_share * len(dataset.source)), len(dataset.target))
        if 0 in self.sizes:
            raise ValueError(
                f'DomainPairSampler: source has {self.sizes[0]} samples, target {self.sizes[1]}; need both.'
            )
        self.dataset = dataset
        self.rank, self.world_size = get_dist_info()
        self.seed = int(sync_random_seed() if seed is None else seed)
        if self.seed < 0:
            raise ValueError(f'DomainPairSampler: seed must not be negative, got {self.seed}.')
        self.shuffle = shuffle
        self._skipped = 0
        self._skips = 0
        self._orders: dict[int, tuple[tuple[int, int], np.ndarray]] = {}
        self._chosen: tuple[int, np.ndarray] | None = None

    def __iter__(self) -> Iterator[PairIndex]:
        """Endless indices of this rank, from the position that ``skip`` has set."""
        skips, local = -1, 0
        while True:
            if skips != self._skips:
                skips, local = self._skips, self._skipped
            yield self.index_at(local * self.world_size + self.rank)
            local += 1

    def index_at(self, position: int) -> PairIndex:
        """The pair at a position of the stream over all ranks."""
        source, target = (self._draw(stream, position) for stream in (0, 1))
        return PairIndex(source, target, seed=self.seed, position=position)

    def skip(self, num_samples: int) -> None:
        """Continue after the first ``num_samples`` samples of this rank, without reading data or counting through them.

        Follows ``InfiniteSampler.skip`` of mmengine, which its training loop calls on resume: the number counts from
        the start of the stream, so that calling it twice is the same as calling it once. It holds for every
        ``iter()`` from now on, and an iteration under way continues there, too. (Data workers read ahead: with them,
        call it before the dataloader is iterated.)

        Raises:
            ValueError: If ``num_samples`` is negative.
        """
        if num_samples < 0:
            raise ValueError(f'DomainPairSampler.skip: num_samples must not be negative, got {num_samples}.')
        self._skipped = int(num_samples)
        self._skips += 1

    def set_epoch(self, epoch: int) -> None:
        """Do nothing: the stream has epochs of its own."""

    def __len__(self) -> int:
        """Number of samples of the data set; the iteration itself is endless."""
        return len(self.dataset)

    def _draw(self, stream: int, position: int) -> int:
        epoch, offset = divmod(position, self.sizes[stream])
        index = int(self._permutation(stream, epoch)[offset]) if self.shuffle else offset
        return index if stream or self.source_share == 1 else int(self._subset()[index])

    def _subset(self) -> np.ndarray:
        """The source samples that are read, in order."""
        if self._chosen is None or self._chosen[0] != self.seed:
            generator = np.random.default_rng(np.random.SeedSequence(self.seed, spawn_key=(2, self.source_subset)))
            chosen = generator.permutation(len(self.dataset.source))[: self.sizes[0]]
            self._chosen = (self.seed, np.sort(chosen))
        return self._chosen[1]

    def _permutation(self, stream: int, epoch: int) -> np.ndarray:
        """Order of one epoch of one stream; the last one asked for is kept."""
        key = (self.seed, epoch)
        if stream not in self._orders or self._orders[stream][0] != key:
            # A spawn key keeps these seeds apart from those of the pipelines, [seed, position, domain].
            generator = np.random.default_rng(np.random.SeedSequence(self.seed, spawn_key=(stream, epoch)))
            self._orders[stream] = (key, generator.permutation(self.sizes[stream]))
        return self._orders[stream][1]
