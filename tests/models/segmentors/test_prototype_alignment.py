"""The bank of prototypes against a queue a class, and its distances against loops."""

from collections import deque

import pytest
import torch

from i2vda_mmseg.errors import ConfigError
from i2vda_mmseg.models.segmentors.prototype_alignment import PrototypeAlignment


def drawn(generator, classes, size=(2, 5, 3, 4)):
    features = torch.randn(*size, generator=generator)
    labels = torch.tensor([*classes, 255])[torch.randint(len(classes) + 1, (2, 3, 4), generator=generator)]
    return features, labels


def test_the_last_of_each_class_are_kept_and_the_nearest_counts():
    generator = torch.Generator().manual_seed(0)
    bank = PrototypeAlignment(num_classes=5, channels=5, stuff_classes=[0, 1, 3], size=3)
    queues = [deque(maxlen=3) for _ in range(5)]
    for classes in ([0, 1], [0, 4], [0, 1, 2], [0, 2], [0]):  # never 3
        features, labels = drawn(generator, classes)
        bank.remember(features, labels)
        for x, y in zip(features, labels):
            for c in classes:
                if (y == c).any():
                    queues[c].append(x[:, y == c].mean(1))
    assert [min(int(n), 3) for n in bank.count] == [len(queue) for queue in queues]
    assert bank.count[0] > 3
    features, labels = drawn(generator, [0, 1, 2, 3])  # nothing of 4, and 3 has no prototype
    features.requires_grad_()
    losses = bank(features, labels)
    expected = {}
    for c in (0, 1, 2):
        mean = features.movedim(1, 3)[labels == c].mean(0)
        expected[c] = min((mean - each).abs().mean() for each in queues[c])
    expected = dict(loss_stuff=(expected[0] + expected[1]) / 2, loss_things=expected[2])
    torch.testing.assert_close(losses, expected)
    ours, theirs = (torch.autograd.grad(sum(x.values()), features)[0] for x in (losses, expected))
    torch.testing.assert_close(ours, theirs)
    assert ours.abs().max() > 0


def test_without_a_prototype_there_is_no_loss():
    bank = PrototypeAlignment(num_classes=2, channels=5, stuff_classes=[0])
    features = torch.randn(2, 5, 3, 4, requires_grad=True)
    loss = sum(bank(features, torch.zeros(2, 3, 4, dtype=torch.int64)).values())
    assert loss.item() == 0
    assert torch.equal(torch.autograd.grad(loss, features)[0], torch.zeros_like(features))


def test_settings_that_cannot_be():
    with pytest.raises(ConfigError, match=r'model\.stuff_classes: \[4\] are no indices of the 4 classes'):
        PrototypeAlignment(4, 5, [0, 4])
    with pytest.raises(ConfigError, match=r'model\.num_prototypes: must be at least 1, got 0'):
        PrototypeAlignment(4, 5, [0], size=0)
