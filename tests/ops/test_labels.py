import torch

from i2vda_mmseg.ops import most_likely


def test_it_is_argmax_the_first_of_equals_included():
    scores = torch.randint(4, (2, 5, 40, 60), generator=torch.Generator().manual_seed(0)).float()  # many are equal
    assert (scores.sort(dim=1).values.diff(dim=1)[:, -1] == 0).any()
    assert torch.equal(most_likely(scores), scores.argmax(dim=1))
    assert torch.equal(most_likely(-scores.double()), (-scores).argmax(dim=1))
