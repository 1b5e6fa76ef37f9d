"""HRDA's windows and fusion against closed forms."""

import pytest
import torch
import torch.nn.functional as F

from i2vda_mmseg.ops.multi_resolution import Box, averaged, fused, windows


def up(x):
    return F.interpolate(x, scale_factor=2, mode='bilinear', align_corners=False)


@pytest.fixture
def maps():
    torch.manual_seed(0)
    return torch.randn(2, 3, 4, 6), torch.randn(2, 3, 8, 12)


def test_nine_windows_on_1024_are_counted_once_twice_and_four_times():
    boxes = windows((1024, 1024), (512, 512))
    assert len(boxes) == 9
    ones = [torch.ones(1, 1, 512, 512) for _ in boxes]
    count = torch.zeros(1024, 1024)
    for box in boxes:
        count[box.top : box.bottom, box.left : box.right] += 1
    assert set(count.unique().tolist()) == {1, 2, 4}
    assert torch.equal(averaged(ones, boxes, (1024, 1024)), torch.ones(1, 1, 1024, 1024))


def test_windows_end_with_the_picture_and_cover_it():
    boxes = windows((12, 20), (8, 8))
    assert {box.bottom for box in boxes} == {8, 12}
    assert max(box.right for box in boxes) == 20
    picture = torch.randn(1, 2, 12, 20)
    torch.testing.assert_close(averaged([box.cut(picture) for box in boxes], boxes, (12, 20)), picture)
    assert windows((6, 5), (8, 8)) == [Box(0, 6, 0, 5)]


def test_no_attention_gives_the_context(maps):
    low, detail = maps
    torch.testing.assert_close(fused(low, detail, torch.zeros_like(low)), up(low))


def test_full_attention_gives_the_detail_inside_its_box(maps):
    low, detail = maps
    box = Box(2, 6, 4, 10)
    found = fused(low, box.cut(detail), torch.ones_like(low), box)
    inner = Box(3, 5, 5, 9)  # a cell of the context away from the box's edge the upsampled attention is 1
    torch.testing.assert_close(inner.cut(found), inner.cut(detail))
    assert torch.equal(fused(low, detail, torch.ones_like(low)), detail)


def test_outside_the_box_the_context_alone(maps):
    low, detail = maps
    box = Box(0, 4, 0, 6)
    attention = torch.rand_like(low)
    found = fused(low, box.cut(detail), attention, box)
    torch.testing.assert_close(found[..., 5:, 7:], up(low)[..., 5:, 7:])


def test_equal_constants_are_kept(maps):
    constant = torch.full((2, 3, 4, 6), 1.5)
    found = fused(constant, torch.full((2, 3, 8, 12), 1.5), torch.rand(2, 3, 4, 6))
    torch.testing.assert_close(found, torch.full((2, 3, 8, 12), 1.5))


def test_the_formula_inside(maps):
    low, detail = maps
    attention = torch.rand_like(low)
    torch.testing.assert_close(fused(low, detail, attention), up((1 - attention) * low) + up(attention) * detail)
