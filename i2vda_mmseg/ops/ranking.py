"""Splitting a data set by how sure a network is of its images."""

from collections.abc import Sequence


def easy_and_hard(entropies: Sequence[float], easy_share: float = 0.67) -> tuple[list[int], list[int]]:
    """Rank images by their mean entropy and cut the ranking: IntraDA's easy and hard halves (Pan et al., CVPR 2020).

    Args:
        entropies: Mean entropy of each image.
        easy_share: Share of easy images, lambda of the paper; the number is rounded down.

    Returns:
        Indices of the easy and of the hard images, each from the lowest entropy to the highest; equal ones keep their
        order.

    Raises:
        ValueError: If ``easy_share`` leaves [0, 1].

    Example:
        >>> easy_and_hard([0.3, 0.1, 0.2, 0.4], easy_share=0.67)
        ([1, 2], [0, 3])
        >>> [len(half) for half in easy_and_hard(range(2975))]
        [1993, 982]
    """
    if not 0 <= easy_share <= 1:
        raise ValueError(f'easy_share must lie in [0, 1], got {easy_share}')
    order = sorted(range(len(entropies)), key=lambda index: entropies[index])
    cut = int(len(order) * easy_share)
    return order[:cut], order[cut:]
