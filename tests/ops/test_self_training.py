"""Closed forms of the teacher's decay, of its quality and of rare class sampling."""

import numpy as np
import pytest
import torch

from i2vda_mmseg.ops import confident_share, ema_decay, rare_class_probabilities


def test_the_teacher_is_the_mean_of_its_first_thousand_students():
    rng = np.random.default_rng(0)
    students, teacher = rng.random(1200), 0.0
    for i, student in enumerate(students):
        decay = ema_decay(i)
        teacher = decay * teacher + (1 - decay) * student
        if i <= 999:
            assert abs(teacher - students[: i + 1].mean()) < 1e-12
    assert abs(teacher - students.mean()) > 1e-4


@pytest.mark.parametrize(
    ('temperature', 'expected'), [(0.01, (8.76e-27, 4.54e-5, 0.99995)), (0.05, (5.41e-6, 0.1192, 0.8808))]
)
def test_rare_class_probabilities(temperature, expected):
    probabilities = rare_class_probabilities([0.7, 0.2, 0.1], temperature)
    np.testing.assert_allclose(probabilities.numpy(), expected, rtol=1e-3)
    assert float(probabilities.sum()) == pytest.approx(1, abs=1e-12)


def test_rare_class_probabilities_of_extremes():
    assert torch.equal(rare_class_probabilities([1.0, 0.0], 1e-4), torch.tensor([0.0, 1.0], dtype=torch.float64))
    torch.testing.assert_close(rare_class_probabilities([0.25] * 4), torch.full((4,), 0.25, dtype=torch.float64))
    with pytest.raises(ValueError, match='temperature'):
        rare_class_probabilities([0.5, 0.5], 0)


def test_confident_share_by_counting():
    probs = torch.tensor([0.968, 0.97, 0.5, 0.967]).view(1, 1, 2, 2)
    probs = torch.cat((probs, 1 - probs), dim=1)
    assert float(confident_share(probs)) == 0.5
