import pytest
import torch

from i2vda_mmseg.ops.psa_mask import PSAMask, psa_mask


def by_loops(masks, mask_size, distribute):
    """mmcv's loops, one place after the other."""
    count, _, height, width = masks.shape
    half = [(side - 1) // 2 for side in mask_size]
    out = torch.zeros(count, height * width, height, width, dtype=masks.dtype)
    for h in range(height):
        for w in range(width):
            for i in range(max(0, half[0] - h), min(mask_size[0], height + half[0] - h)):
                for j in range(max(0, half[1] - w), min(mask_size[1], width + half[1] - w)):
                    value = masks[:, i * mask_size[1] + j, h, w]
                    y, x = i + h - half[0], j + w - half[1]
                    if distribute:
                        out[:, h * width + w, y, x] = value
                    else:
                        out[:, y * width + x, h, w] = value
    return out


@pytest.mark.parametrize('psa_type', ['collect', 'distribute'])
@pytest.mark.parametrize(('mask_size', 'size'), [((3, 5), (4, 6)), ((7, 5), (4, 3)), ((1, 1), (2, 3))])
def test_as_the_loops(psa_type, mask_size, size):
    torch.manual_seed(0)
    masks = torch.randn(2, mask_size[0] * mask_size[1], *size, dtype=torch.float64, requires_grad=True)
    out = PSAMask(psa_type, mask_size)(masks)
    torch.testing.assert_close(out, by_loops(masks, mask_size, psa_type == 'distribute'), rtol=0, atol=0)
    assert torch.autograd.gradcheck(lambda x: psa_mask(x, mask_size, psa_type == 'distribute'), masks)


def test_what_does_not_fit_is_refused():
    with pytest.raises(ValueError, match=r'masks have 9 channels, but mask_size is \(3, 5\)'):
        psa_mask(torch.zeros(1, 9, 2, 3), (3, 5))
    with pytest.raises(ValueError, match='psa_type must be one of'):
        PSAMask('gather', (3, 3))
