"""DAFormer's feature distance against loops over the cells."""

import numpy as np
import pytest
import torch

from i2vda_mmseg.ops import IGNORE_INDEX, feature_distance, majority_labels, nearest_distance


def test_majority_labels_by_counting():
    rng = np.random.default_rng(0)
    labels = torch.from_numpy(rng.choice([0, 1, 2, 255], (2, 8, 12), p=[0.75, 0.1, 0.05, 0.1]))
    labels[0, :4, :4] = 255
    labels[1, :4, :4] = 2
    found = majority_labels(labels, (2, 3), num_classes=3, min_share=0.75)
    assert {2, IGNORE_INDEX, 0} <= set(found.flatten().tolist())
    for n, i, j in np.ndindex(2, 2, 3):
        cell = labels[n, 4 * i : 4 * i + 4, 4 * j : 4 * j + 4].flatten().tolist()
        winner = max(range(3), key=cell.count)
        expected = winner if cell.count(winner) >= 0.75 * 16 and cell.count(winner) > cell.count(255) else IGNORE_INDEX
        assert found[n, i, j] == expected


def test_mean_over_the_cells_of_things():
    torch.manual_seed(0)
    features, reference = torch.randn(2, 2, 5, 3, 4, dtype=torch.float64)
    labels = torch.randint(0, 5, (2, 3, 4))
    labels[0, 0, 0] = 255
    distances = [
        float(((features[n, :, i, j] - reference[n, :, i, j]) ** 2).sum() ** 0.5)
        for n, i, j in np.ndindex(2, 3, 4)
        if int(labels[n, i, j]) in (1, 3)
    ]
    found = feature_distance(features, reference, labels, [1, 3])
    torch.testing.assert_close(found, torch.tensor(sum(distances) / len(distances), dtype=torch.float64))


@pytest.mark.parametrize('moved', [0.0, 1.0])
def test_without_a_cell_or_a_distance_the_gradient_is_zero(moved):
    """No thing in the batch, and an encoder that is still the initial one: nothing undefined."""
    reference = torch.randn(1, 4, 2, 3)
    features = (reference + moved).requires_grad_()
    labels = torch.full((1, 2, 3), 2 if moved else 1)
    loss = feature_distance(features, reference, labels, [1])
    loss.backward()
    assert float(loss) == 0.0
    assert torch.equal(features.grad, torch.zeros_like(features))


def test_nearest_of_those_that_are_there():
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(4, 6, generator=generator, dtype=torch.float64, requires_grad=True)
    prototypes = torch.randn(4, 5, 6, generator=generator, dtype=torch.float64)
    filled = torch.rand(4, 5, generator=generator) < 0.5
    filled[2], filled[0] = False, True
    found = nearest_distance(x, prototypes, filled)
    for i in range(4):
        each = [(x[i] - prototypes[i, k]).abs().mean() for k in range(5) if filled[i, k]]
        torch.testing.assert_close(found[i], min(each) if each else torch.zeros_like(found[i]))
    gradient = torch.autograd.grad(found.sum(), x)[0]
    assert torch.equal(gradient[2], torch.zeros(6, dtype=torch.float64))
    torch.testing.assert_close(gradient[0].abs(), torch.full((6,), 1 / 6, dtype=torch.float64))
