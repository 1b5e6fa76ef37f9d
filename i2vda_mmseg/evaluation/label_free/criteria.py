"""What predictions alone say of a network: soft neighbourhood density, and how sure and how varied it is."""

from typing import NamedTuple, Self

import torch
import torch.nn.functional as F
from torch import Tensor

MAX_ROWS = 16_384
_BLOCK = 1024  # rows of similarities that are held at once
_CHUNK = 65_536  # rows that are brought to double precision at once
_TOLERANCE = 0.01  # of a row's sum: what half precision leaves


def soft_neighborhood_density(
    probs: Tensor, temperature: float = 0.05, max_rows: int = MAX_ROWS, seed: int = 0
) -> float:
    """Measure how many similar neighbours each prediction has: SND of Saito et al., *Tune it the Right Way*, ICCV 2021.

    ``f_i = p_i / |p_i|``, ``P_ij = exp(f_i . f_j / T) / sum_{k != i} exp(f_i . f_k / T)`` for ``j != i``, and
    ``SND = -1/N sum_i sum_{j != i} P_ij log P_ij`` (natural logarithm). A prediction is no neighbour of its own. Higher
    is better, in 0..log(N - 1): a well-adapted network puts its predictions into a few dense clusters. A network that
    predicts one thing everywhere has the highest value: see ``collapse_reason``.

    The value depends on N: compare networks on the same pixels. Above ``max_rows`` it is that of a sample of as many
    rows, the same in each call; memory is bounded whatever N is.

    Args:
        probs: (N, C) or (N, C, H, W), class probabilities; each pixel is a row.
        temperature: T, positive.
        max_rows: Largest number of rows that all pairs are compared of.
        seed: Of the sample above it.

    Raises:
        ValueError: If there are fewer than two rows, ``probs`` are no probabilities, or T is not positive.

    Example:
        >>> soft_neighborhood_density(torch.tensor([[0.9, 0.1]]).repeat(5, 1))  # log 4
        1.38629436111989...
    """
    if not temperature > 0:
        raise ValueError(f'temperature must be positive, got {temperature}')
    rows = as_rows(probs)
    if len(rows) < 2:
        raise ValueError('soft neighbourhood density needs two predictions or more, got 1')
    if len(rows) > max_rows:
        rows = rows[sampled_positions(len(rows), max_rows, seed).to(rows.device)]
    features = F.normalize(rows.double(), dim=1)
    total = 0.0
    for start in range(0, len(features), _BLOCK):
        block = features[start : start + _BLOCK] @ features.T / temperature
        own = torch.arange(len(block), device=block.device)
        block[own, start + own] = -torch.inf
        total += float(torch.special.entr(block.softmax(1)).sum())
    return total / len(features)


class PredictionSums(NamedTuple):
    """Sums over predictions, in double precision, from which criteria over any number of pixels are computed.

    Sums of parts add up to those of the whole, so that the figures depend neither on batches nor on their order, but
    for rounding.
    """

    rows: int  # n, the number of predictions
    entropy: float  # sum of their entropies, natural logarithm
    marginal: Tensor  # (C,), sum of the probabilities
    gram: Tensor  # (C, C), ``P^T P``, whose eigenvalues are the squared singular values of the (N, C) matrix P

    @classmethod
    def of(cls, probs: Tensor) -> Self:
        """Sum up (N, C) or (N, C, H, W) probabilities; ValueError if they are none."""
        rows = as_rows(probs)
        sums = [_sums(chunk.double()) for chunk in rows.split(_CHUNK)]
        entropy, marginal, gram = (torch.stack(column).sum(0).cpu() for column in zip(*sums))
        return cls(len(rows), float(entropy), marginal, gram)

    def plus(self, other: 'PredictionSums') -> Self:
        """Sums over both."""
        return type(self)(
            self.rows + other.rows, self.entropy + other.entropy, self.marginal + other.marginal, self.gram + other.gram
        )

    def criteria(self) -> dict[str, float]:
        """Compute what the functions of these names do."""
        certainty, variety = -self.entropy / self.rows, float(torch.special.entr(self.marginal / self.rows).sum())
        norm = float(torch.linalg.eigvalsh(self.gram).clamp(min=0).sqrt().sum()) / self.rows
        return dict(information_maximization=variety + certainty, batch_nuclear_norm=norm, negative_entropy=certainty)


def negative_entropy(probs: Tensor) -> float:
    """Measure how sure predictions are: ``1/N sum_i sum_c p_ic log p_ic``, the mean entropy with its sign flipped.

    Higher is better, in -log(C)..0 (natural logarithm): 0 where each is certain, if of one class everywhere. Source:
    Morerio et al., *Minimal-Entropy Correlation Alignment*, ICLR 2018, which chooses hyperparameters by it.

    Args:
        probs: (N, C) or (N, C, H, W), class probabilities.

    Raises:
        ValueError: If ``probs`` are no probabilities.

    Example:
        >>> round(negative_entropy(torch.tensor([[1.0, 0.0], [0.5, 0.5]])), 4)  # -log(2) / 2
        -0.3466
    """
    return PredictionSums.of(probs).criteria()['negative_entropy']


def information_maximization(probs: Tensor) -> float:
    """Measure the mutual information of pixel and class: ``H(1/N sum_i p_i) - 1/N sum_i H(p_i)``.

    Higher is better, in 0..log(C) (natural logarithm): predictions that are certain each, and varied together. A
    network that predicts one thing everywhere has 0. Source: Bridle et al., *Unsupervised Classifiers, Mutual
    Information and 'Phantom Targets'*, NeurIPS 1991; as a validator of adaptation, Musgrave et al., arXiv 2208.07360.

    Args:
        probs: (N, C) or (N, C, H, W), class probabilities.

    Raises:
        ValueError: If ``probs`` are no probabilities.

    Example:
        >>> round(information_maximization(torch.eye(2)), 4)  # log(2)
        0.6931
    """
    return PredictionSums.of(probs).criteria()['information_maximization']


def batch_nuclear_norm(probs: Tensor) -> float:
    """Measure sureness and variety at once: the nuclear norm of the (N, C) matrix of predictions over N.

    ``BNM = 1/N sum_k sigma_k(P)``, the sum of the singular values, as Cui et al., *Towards Discriminability and
    Diversity*, CVPR 2020, maximise it. Higher is better, in 0..1. It depends on N (a balanced one-hot P has
    ``sqrt(C / N)``, a one-hot P of one class ``1 / sqrt(N)``): compare networks on the same pixels.

    Args:
        probs: (N, C) or (N, C, H, W), class probabilities.

    Raises:
        ValueError: If ``probs`` are no probabilities.

    Example:
        >>> round(batch_nuclear_norm(torch.eye(2).repeat(8, 1)), 4)  # sqrt(2 / 16)
        0.3536
    """
    return PredictionSums.of(probs).criteria()['batch_nuclear_norm']


def as_rows(probs: Tensor) -> Tensor:
    """Give class probabilities (N, C) or (N, C, H, W) as one row a pixel, at least float32.

    Raises:
        ValueError: If the shape is another, there is no pixel, or they are no probabilities.
    """
    if probs.ndim not in (2, 4) or probs.shape[1] < 2 or not probs.numel() or not probs.is_floating_point():
        raise ValueError(
            f'probs must be (N, C) or (N, C, H, W), floating point, C >= 2; got {tuple(probs.shape)}, {probs.dtype}'
        )
    rows = probs if probs.ndim == 2 else probs.movedim(1, -1).reshape(-1, probs.shape[1])
    rows = rows.to(torch.promote_types(rows.dtype, torch.float32))
    lowest, off = float(rows.min()), float((rows.sum(1) - 1).abs().max())
    if not (lowest >= 0 and off < _TOLERANCE):  # NaN is in no range
        raise ValueError(
            f'probs must be probabilities, none negative and 1 in sum over the classes; the lowest is {lowest:.3g}, '
            f'and a sum is off by {off:.3g}: are they logits?'
        )
    return rows


def sampled_positions(length: int, count: int, seed: int) -> Tensor:
    """Draw ``count`` of ``length`` positions, each once, in ascending order; the same ones for the same seed."""
    drawn = torch.randperm(length, generator=torch.Generator().manual_seed(seed))[:count]
    return drawn.sort().values


def _sums(rows: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    return torch.special.entr(rows).sum(), rows.sum(0), rows.T @ rows
