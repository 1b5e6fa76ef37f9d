import numpy as np
import torch

from i2vda_mmseg.ops import adaptive_thresholds


def test_it_is_the_percentile_of_iast():
    generator = torch.Generator().manual_seed(0)
    probs = (3 * torch.randn(2, 4, 7, 9, generator=generator)).softmax(1)
    probs[:, 2] = 0  # never predicted
    start = torch.tensor([0.9, 0.5, 0.7, 0.99])
    top, labels = probs.max(1)
    expected = []
    for c, w in enumerate(start.tolist()):
        values = np.append(top[labels == c].double().numpy(), w)
        found = np.percentile(values, 100 * (1 - 0.3 * w**4))
        expected.append(min(0.8 * w + 0.2 * found, 0.95))
    found = adaptive_thresholds(probs, start, alpha=0.3, gamma=4.0, momentum=0.8, cap=0.95)
    torch.testing.assert_close(found, torch.tensor(expected, dtype=torch.float32))
    assert float(found[2]) == start[2]
    assert float(found[3]) == np.float32(0.95)
