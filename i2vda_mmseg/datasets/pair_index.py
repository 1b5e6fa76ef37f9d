"""The index of a sample of two domains."""

from typing import Self


class PairIndex(tuple[int, int]):
    """``(i_source, i_target)``, with the seed and the position that the randomness of this sample is a function of.

    Equal to the plain tuple of the two numbers; survives pickling on its way to the data workers.

    Args:
        source: Index into the source data set.
        target: Index into the target data set.
        seed: Seed of the sampler, or None: do not seed.
        position: Position in the stream over all ranks, or None: do not seed.
    """

    seed: int | None
    position: int | None

    def __new__(cls, source: int, target: int, seed: int | None = None, position: int | None = None) -> Self:
        """Build the tuple of two and attach the rest."""
        index = super().__new__(cls, (source, target))
        index.seed, index.position = seed, position
        return index

    def __getnewargs__(self) -> tuple[int, int]:
        # Pickle calls __new__ with these, and brings seed and position along as attributes.
        return self[0], self[1]

    def __repr__(self) -> str:
        return f'PairIndex({self[0]}, {self[1]}, seed={self.seed}, position={self.position})'
