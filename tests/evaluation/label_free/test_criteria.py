"""Closed forms and NumPy loops."""

import math

import numpy as np
import pytest
import torch

from i2vda_mmseg.evaluation.label_free import (
    PredictionSums,
    batch_nuclear_norm,
    information_maximization,
    negative_entropy,
    soft_neighborhood_density,
)

ALL = (soft_neighborhood_density, information_maximization, batch_nuclear_norm, negative_entropy)


def random_probs(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed)).mul(2).softmax(1)


def snd_reference(probs, temperature):
    """Row after row, with loops over the neighbours."""
    rows = [row / np.linalg.norm(row) for row in probs.double().numpy()]
    entropies = []
    for i, own in enumerate(rows):
        similar = np.array([own @ other / temperature for j, other in enumerate(rows) if j != i])
        shares = np.exp(similar) / np.exp(similar).sum()
        entropies.append(-(shares * np.log(shares)).sum())
    return np.mean(entropies)


@pytest.mark.parametrize('temperature', [0.05, 0.5])
def test_snd_is_that_of_a_loop(temperature):
    probs = random_probs(13, 4)
    assert soft_neighborhood_density(probs, temperature) == pytest.approx(snd_reference(probs, temperature), abs=1e-9)


def test_snd_of_clusters_is_the_logarithm_of_their_size():
    """Orthogonal one-hot clusters of 6: at T = 0.05 the other ones weigh e^-20."""
    clusters = torch.eye(3).repeat(6, 1)
    assert soft_neighborhood_density(clusters) == pytest.approx(math.log(5), abs=1e-6)
    assert soft_neighborhood_density(torch.eye(4)) == pytest.approx(math.log(3))  # no neighbour is nearer than another
    assert soft_neighborhood_density(random_probs(2, 3)) == 0  # a single neighbour


def test_snd_in_blocks_and_of_a_sample():
    probs = random_probs(2100, 3)
    features = torch.nn.functional.normalize(probs.double(), dim=1)
    similar = (features @ features.T / 0.05).fill_diagonal_(-torch.inf).softmax(1)
    assert soft_neighborhood_density(probs) == pytest.approx(float(torch.special.entr(similar).sum(1).mean()), abs=1e-9)
    sample = soft_neighborhood_density(probs, max_rows=500)
    assert sample == soft_neighborhood_density(probs, max_rows=500)
    assert sample != soft_neighborhood_density(probs, max_rows=500, seed=1)
    assert sample < math.log(499)


def test_snd_of_a_full_label_map_is_bounded():
    assert 0 < soft_neighborhood_density(random_probs(1, 3, 1024, 2048), max_rows=300) < math.log(299)


def test_confidence_and_variety():
    sure, unsure = torch.eye(5).repeat(4, 1), torch.full((20, 5), 0.2)
    one = torch.eye(5)[[2] * 20]
    assert information_maximization(sure) == pytest.approx(math.log(5))
    assert information_maximization(one) == pytest.approx(0, abs=1e-12)
    assert information_maximization(unsure) == pytest.approx(0, abs=1e-6)
    assert negative_entropy(sure) == negative_entropy(one) == 0
    assert negative_entropy(unsure) == pytest.approx(-math.log(5), abs=1e-6)
    assert batch_nuclear_norm(sure) == pytest.approx(math.sqrt(5 / 20))
    assert batch_nuclear_norm(one) == pytest.approx(1 / math.sqrt(20))


def test_information_maximization_is_that_of_a_loop():
    probs = random_probs(50, 6).double()
    mean = probs.mean(0)
    expected = -sum(float(p * p.log()) for p in mean) + sum(float((row * row.log()).sum()) for row in probs) / 50
    assert information_maximization(probs) == pytest.approx(expected, abs=1e-12)


def test_nuclear_norm_is_the_sum_of_singular_values():
    for shape in ((50, 6), (4, 7)):  # also with fewer rows than classes
        probs = random_probs(*shape).double()
        expected = float(torch.linalg.svdvals(probs).sum()) / shape[0]
        assert batch_nuclear_norm(probs) == pytest.approx(expected, abs=1e-7)


@pytest.mark.parametrize('criterion', ALL)
def test_pixels_are_rows(criterion):
    maps = random_probs(2, 4, 3, 5)
    rows = torch.stack([maps[n, :, y, x] for n in range(2) for y in range(3) for x in range(5)])
    assert criterion(maps) == pytest.approx(criterion(rows), abs=1e-12)
    assert criterion(rows.half()) == pytest.approx(criterion(rows), abs=5e-3)


@pytest.mark.parametrize('criterion', ALL)
@pytest.mark.parametrize(
    ('probs', 'message'),
    [
        (torch.randn(5, 3), 'logits'),
        (torch.full((5, 3), float('nan')), 'nan'),
        (torch.ones(5, 1), r'\(5, 1\)'),
        (torch.ones(3, 4, 5) / 4, r'\(3, 4, 5\)'),
        (torch.ones(0, 3), r'\(0, 3\)'),
        (torch.ones(5, 3, dtype=torch.long), 'int64'),
    ],
)
def test_what_is_no_probability_is_refused(criterion, probs, message):
    with pytest.raises(ValueError, match=message):
        criterion(probs)


def test_snd_refuses_what_has_no_neighbour():
    with pytest.raises(ValueError, match='two predictions'):
        soft_neighborhood_density(torch.tensor([[0.5, 0.5]]))
    with pytest.raises(ValueError, match=r'temperature .* 0'):
        soft_neighborhood_density(torch.eye(3), temperature=0)


def test_sums_of_batches_are_those_of_the_whole():
    probs = random_probs(31, 4)
    parts = PredictionSums.of(probs[20:]).plus(PredictionSums.of(probs[:20]))
    assert parts.rows == 31
    assert parts.criteria() == pytest.approx(PredictionSums.of(probs).criteria(), abs=1e-12)
