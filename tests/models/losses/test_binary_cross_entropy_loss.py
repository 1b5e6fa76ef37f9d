import math

import pytest
import torch
from mmseg.registry import MODELS


@pytest.mark.parametrize('label', [0.0, 1.0])
def test_value_and_gradient(label):
    scores = torch.randn(2, 1, 3, 5, dtype=torch.float64, requires_grad=True)
    loss = MODELS.build(dict(type='BinaryCrossEntropyLoss'))(scores, label)
    loss.backward()
    sign = 1 - 2 * label
    expected = sum(math.log1p(math.exp(sign * score)) for score in scores.flatten().tolist()) / 30
    assert loss.item() == pytest.approx(expected)
    torch.testing.assert_close(scores.grad, (scores.detach().sigmoid() - label) / 30)


def test_sure_scores_stay_finite():
    loss = MODELS.build(dict(type='BinaryCrossEntropyLoss'))(torch.tensor([[[[200.0]]]]), 0.0)
    assert loss.item() == 200
