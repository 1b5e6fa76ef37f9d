import pytest
import torch
import torch.nn.functional as F
from mmseg.registry import MODELS


@pytest.mark.parametrize('label', [0.0, 1.0])
def test_value_and_gradient(label):
    scores = torch.randn(2, 1, 3, 5, requires_grad=True)
    loss = MODELS.build(dict(type='LeastSquaresLoss'))(scores, label)
    loss.backward()
    torch.testing.assert_close(loss, F.mse_loss(scores, torch.full_like(scores, label)))
    torch.testing.assert_close(scores.grad, 2 * (scores.detach() - label) / 30)
