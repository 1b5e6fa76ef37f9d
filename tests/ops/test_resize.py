import numpy as np
import pytest
import torch

from i2vda_mmseg.ops import resize_labels, upsample


def bilinear_reference(x, size, align_corners):
    """Resize one map (h, w) by looking each output pixel up."""
    out = np.empty(size)
    for index in np.ndindex(size):
        corners = []
        for position, n_in, n_out in zip(index, x.shape, size):
            scale = (n_in - 1) / (n_out - 1) if align_corners else n_in / n_out
            at = position * scale if align_corners else max((position + 0.5) * scale - 0.5, 0)
            low = min(int(at), n_in - 1)
            corners.append([(low, 1 - (at - low)), (min(low + 1, n_in - 1), at - low)])
        out[index] = sum(wy * wx * x[y, x_] for y, wy in corners[0] for x_, wx in corners[1])
    return out


@pytest.mark.parametrize('align_corners', [True, False])
def test_agrees_with_reference(align_corners):
    x = np.random.default_rng(0).standard_normal((5, 9))
    out = upsample(torch.from_numpy(x)[None, None], (33, 66), align_corners)
    np.testing.assert_allclose(out[0, 0].numpy(), bilinear_reference(x, (33, 66), align_corners), atol=1e-12)


def test_corners_coincide_by_default():
    x = torch.rand(2, 3, 9, 17)
    out = upsample(x, [64, 128])
    assert out.shape == (2, 3, 64, 128)
    assert torch.equal(out[..., ::63, ::127], x[..., ::8, ::16])


def test_the_same_size_is_identity():
    x = torch.rand(1, 2, 5, 8)
    torch.testing.assert_close(upsample(x, (5, 8)), x)


@pytest.mark.parametrize('size', [(4, 6), (9, 14), (2, 3), (3, 7)])
def test_labels_are_those_of_the_nearest_pixel(size):
    labels = torch.from_numpy(np.random.default_rng(0).choice([0, 3, 254, 255], (2, 4, 6)))
    resized = resize_labels(labels, size)
    assert resized.dtype == torch.int64
    for n, i, j in np.ndindex(2, *size):
        assert resized[n, i, j] == labels[n, i * 4 // size[0], j * 6 // size[1]]
