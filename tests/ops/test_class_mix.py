"""ClassMix and masked images, against loops over the classes and blocks."""

import numpy as np
import pytest
import torch

from i2vda_mmseg.ops import class_mix_mask, class_number_mask, class_share_mask, mixed, visible_blocks


@pytest.mark.parametrize('classes', [[3], [0, 7], [0, 2, 255], [1, 4, 5, 9]])
def test_half_of_the_classes_rounded_up(classes):
    rng = np.random.default_rng(0)
    labels = torch.from_numpy(rng.choice(classes, (2, 6, 9)))
    order = torch.from_numpy(rng.random((2, 256)))
    mask = class_mix_mask(labels, order)
    for image, numbers, chosen in zip(labels, order, mask):
        wanted = sorted(classes, key=lambda index: float(numbers[index]))[: (len(classes) + 1) // 2]
        assert torch.equal(chosen, torch.isin(image, torch.tensor(wanted)))


def test_classes_are_those_of_the_whole_batch():
    """An image may get a class that only another one shows, and then gives nothing."""
    labels = torch.tensor([[[0, 0]], [[1, 2]]])
    order = torch.zeros(2, 256)
    order[0, [1, 2, 0]] = torch.tensor([0.1, 0.2, 0.3])
    order[1, [0, 1, 2]] = torch.tensor([0.1, 0.2, 0.3])
    assert class_mix_mask(labels, order).tolist() == [[[False, False]], [[True, False]]]


def test_every_class_is_taken_as_often():
    torch.manual_seed(0)
    labels = torch.arange(4).view(1, 1, 4).expand(4000, 1, 4)
    share = class_mix_mask(labels, torch.rand(4000, 256)).float().mean(dim=(0, 1))
    torch.testing.assert_close(share, torch.full((4,), 0.5), atol=0.03, rtol=0)


def test_mixed():
    first, second = torch.rand(2, 3, 4, 5), torch.rand(2, 3, 4, 5)
    mask = torch.rand(2, 4, 5) < 0.5
    expected = torch.where(mask[:, None].expand(2, 3, 4, 5), first, second)
    assert torch.equal(mixed(mask, first, second), expected)
    assert torch.equal(mixed(mask, first[:, 0], second[:, 0]), expected[:, 0])


def test_blocks():
    numbers = torch.tensor([[[0.1, 0.8, 0.71], [0.7, 0.9, 0.0]]])
    seen = visible_blocks(numbers, (4, 9), ratio=0.7)
    assert seen.shape == (1, 1, 4, 9)
    expected = (numbers > 0.7).float().repeat_interleave(2, 1).repeat_interleave(3, 2)
    assert torch.equal(seen[:, 0], expected)


def test_share_of_visible_blocks():
    torch.manual_seed(0)
    assert abs(float(visible_blocks(torch.rand(50, 16, 16), (64, 64)).mean()) - 0.3) < 0.01
    assert float(visible_blocks(torch.rand(2, 4, 4), (8, 8), ratio=-0.1).mean()) == 1


def test_a_share_of_the_classes_of_each_image_and_never_the_ignored():
    labels = torch.tensor([[[0, 1, 2, 3, 255]], [[4, 4, 5, 255, 255]]])
    order = torch.rand(2, 256, generator=torch.Generator().manual_seed(0))
    for share in (0.0, 0.25, 0.5, 0.75, 1.0):
        mask = class_share_mask(labels, order, share)
        for image, chosen, numbers in zip(labels, mask, order):
            classes = sorted(set(image.flatten().tolist()) - {255}, key=lambda c, n=numbers: n[c])
            wanted = set(classes[: round(share * len(classes))])
            assert set(image[chosen].tolist()) == wanted
            assert int(chosen.sum()) == sum(int((image == c).sum()) for c in wanted)


def test_some_classes_of_each_image_and_certain_ones_wherever_they_are():
    labels = torch.tensor([[[0, 1, 2, 3, 255]], [[4, 4, 5, 3, 255]], [[255, 255, 255, 255, 255]]])
    order = torch.rand(3, 256, generator=torch.Generator().manual_seed(0))
    for number in (0, 1, 2, 9):
        for always in ((), (3,), (0, 7)):
            mask = class_number_mask(labels, order, number, always)
            for image, chosen, numbers in zip(labels, mask, order):
                classes = set(image.flatten().tolist()) - {255}
                others = sorted(classes - set(always), key=lambda c, n=numbers: n[c])
                wanted = classes & set(always) | set(others[:number])
                assert torch.equal(chosen, torch.isin(image, torch.tensor(sorted(wanted))))
