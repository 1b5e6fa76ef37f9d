import numpy as np
import pytest
import torch
from torch.autograd import gradcheck

from i2vda_mmseg.ops import Correlation, correlation


def reference(a, b, max_displacement, dilation_patch=1, padding=0):
    """One output after the other, straight from the definition."""
    batch, _, height, width = a.shape
    side = 2 * max_displacement + 1
    out = np.zeros((batch, side, side, height + 2 * padding, width + 2 * padding))
    for k, m, i, j in np.ndindex(side, side, height, width):
        y, x = i + (k - max_displacement) * dilation_patch, j + (m - max_displacement) * dilation_patch
        if 0 <= y < height and 0 <= x < width:
            out[:, k, m, i + padding, j + padding] = (a[:, :, i, j] * b[:, :, y, x]).sum(1)
    return out


def features(*shape, dtype=torch.float64, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(shape, generator=generator, dtype=torch.float64).to(dtype) for _ in range(2)]


def check(a, b, *args, rtol=1e-12, atol=1e-12, **options):
    out = correlation(a, b, *args, **options)
    expected = reference(a.double().numpy(), b.double().numpy(), *args, **options)
    assert out.dtype == a.dtype
    assert out.shape == expected.shape
    np.testing.assert_allclose(out.detach().double().numpy(), expected, rtol=rtol, atol=atol)


@pytest.mark.parametrize('max_displacement', range(11))
@pytest.mark.parametrize('dilation_patch', [1, 2, 3])
def test_agrees_with_the_definition(max_displacement, dilation_patch):
    check(*features(1, 3, 9, 13), max_displacement, dilation_patch)


@pytest.mark.parametrize(('height', 'width'), [(1, 1), (1, 9), (11, 1), (4, 8), (5, 7), (8, 17), (19, 33)])
@pytest.mark.parametrize('dilation_patch', [1, 2, 5])
def test_sizes(height, width, dilation_patch):
    check(*features(2, 2, height, width), 2, dilation_patch)


@pytest.mark.parametrize('padding', [1, 2, 7])
@pytest.mark.parametrize('dilation_patch', [1, 2])
def test_padding_is_a_border_of_zeros(padding, dilation_patch):
    a, b = features(1, 3, 5, 10)
    check(a, b, 3, dilation_patch, padding=padding)
    inner = correlation(a, b, 3, dilation_patch, padding=padding)[..., padding:-padding, padding:-padding]
    assert torch.equal(inner, correlation(a, b, 3, dilation_patch))


@pytest.mark.parametrize(
    ('dtype', 'tolerance'),
    [(torch.float64, 1e-12), (torch.float32, 1e-5), (torch.float16, 1e-3), (torch.bfloat16, 8e-3)],
)
@pytest.mark.parametrize(('max_displacement', 'dilation_patch', 'padding'), [(4, 1, 0), (3, 2, 1)])
def test_dtypes(dtype, tolerance, max_displacement, dilation_patch, padding):
    a, b = features(2, 64, 7, 11, dtype=dtype)
    check(a, b, max_displacement, dilation_patch, padding=padding, rtol=tolerance, atol=tolerance)


def test_low_precision_rounds_only_the_result():
    a, b = features(1, 256, 6, 9, dtype=torch.bfloat16)
    expected = correlation(a.float(), b.float(), 2).bfloat16()
    assert torch.equal(correlation(a, b, 2), expected)


def test_autocast_changes_nothing():
    a, b = (x.requires_grad_() for x in features(1, 8, 6, 9, dtype=torch.float32))
    expected = correlation(a, b, 2)
    grads = torch.autograd.grad(expected.square().sum(), (a, b))
    with torch.autocast('cpu', dtype=torch.bfloat16):
        out = correlation(a, b, 2)
        autocast_grads = torch.autograd.grad(out.square().sum(), (a, b))
    assert torch.equal(out, expected)
    for grad, other in zip(grads, autocast_grads):
        assert torch.equal(grad, other)


@pytest.mark.parametrize(
    'arrange',
    [
        lambda x: x.to(memory_format=torch.channels_last),
        lambda x: x.transpose(2, 3),
        lambda x: x.flip(3)[..., ::2],
        lambda x: x[:, 1:4, 2:, 1:-2],
        lambda x: x[:1].expand(3, -1, -1, -1),
    ],
    ids=['channels_last', 'transposed', 'every second column', 'cropped', 'expanded'],
)
def test_memory_layouts(arrange):
    a, b = (arrange(x) for x in features(2, 5, 9, 14))
    check(a, b, 3, 2)
    leaves = [x.detach().clone().requires_grad_() for x in (a, b)]
    strided = [x.detach().requires_grad_() for x in (a, b)]
    weight = torch.randn_like(correlation(a, b, 3, 2))
    grads = torch.autograd.grad((correlation(*strided, 3, 2) * weight).sum(), strided)
    for grad, expected in zip(grads, torch.autograd.grad((correlation(*leaves, 3, 2) * weight).sum(), leaves)):
        torch.testing.assert_close(grad, expected)


@pytest.mark.parametrize(
    ('size', 'max_displacement', 'dilation_patch', 'padding'),
    [((2, 2, 3, 4), 1, 1, 0), ((1, 2, 5, 9), 2, 2, 1), ((1, 1, 9, 5), 3, 1, 0), ((1, 2, 2, 10), 1, 3, 2)],
)
def test_gradcheck(size, max_displacement, dilation_patch, padding):
    inputs = [x.requires_grad_() for x in features(*size)]
    assert gradcheck(lambda a, b: correlation(a, b, max_displacement, dilation_patch, padding=padding), inputs)


@pytest.mark.parametrize('dtype', [torch.float32, torch.float16, torch.bfloat16])
def test_gradients_have_the_inputs_dtype(dtype):
    a, b = (x.requires_grad_() for x in features(2, 4, 7, 12, dtype=dtype))
    correlation(a, b, 3, 2).float().square().mean().backward()
    wide = [x.detach().double().requires_grad_() for x in (a, b)]
    correlation(*wide, 3, 2).square().mean().backward()
    for narrow, exact in zip((a, b), wide):
        assert narrow.grad.dtype == dtype
        tolerance = 4 * torch.finfo(dtype).eps
        torch.testing.assert_close(narrow.grad.double(), exact.grad, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize('which', [0, 1])
def test_one_input_without_gradient(which):
    inputs = features(1, 3, 5, 9)
    inputs[which].requires_grad_()
    correlation(*inputs, 2).sum().backward()
    both = [x.detach().clone().requires_grad_() for x in inputs]
    correlation(*both, 2).sum().backward()
    assert torch.equal(inputs[which].grad, both[which].grad)
    assert inputs[1 - which].grad is None


def test_samples_do_not_mix():
    a, b = features(3, 4, 6, 11)
    together = correlation(a, b, 2, 2)
    assert torch.equal(together, torch.cat([correlation(a[i : i + 1], b[i : i + 1], 2, 2) for i in range(3)]))


def test_a_shifted_frame_peaks_at_its_displacement():
    a = torch.randn(1, 64, 16, 24, generator=torch.Generator().manual_seed(0))
    b = a.roll((2, -4), dims=(2, 3))  # 2 px down, 4 px to the left
    out = correlation(a, b, max_displacement=3, dilation_patch=2)
    peak = out[..., 4:-4, 6:-6].flatten(1, 2).argmax(dim=1)
    assert peak.unique().item() == (3 + 1) * 7 + (3 - 2)


def test_empty_batch():
    assert correlation(torch.zeros(0, 3, 4, 5), torch.zeros(0, 3, 4, 5), 1).shape == (0, 3, 3, 4, 5)


@pytest.mark.parametrize('options', [dict(), dict(max_displacement=4), dict(dilation_patch=2, padding=1, dilation=3)])
def test_module_equals_function(options):
    a, b = features(1, 3, 6, 9)
    module = Correlation(**options)
    assert torch.equal(module(a, b), correlation(a, b, **(dict(max_displacement=1) | options)))
    assert not list(module.parameters())


def test_module_takes_the_arguments_of_mmcv_in_their_order():
    assert repr(Correlation(1, 10, 1, 3, 4, 2)) == (
        'Correlation(kernel_size=1, max_displacement=10, stride=1, padding=3, dilation=4, dilation_patch=2)'
    )


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (dict(kernel_size=3), 'kernel_size must be 1, got 3'),
        (dict(stride=2), 'stride must be 1, got 2'),
        (dict(max_displacement=-1), 'max_displacement must be at least 0, got -1'),
        (dict(padding=-1), 'padding must be at least 0, got -1'),
        (dict(dilation_patch=0), 'dilation_patch must be at least 1, got 0'),
        (dict(dilation=0), 'dilation must be at least 1, got 0'),
    ],
)
def test_options_out_of_range(options, message):
    with pytest.raises(ValueError, match=message):
        Correlation(**options)
    with pytest.raises(ValueError, match=message):
        correlation(*features(1, 1, 2, 3), **(dict(max_displacement=1) | options))


@pytest.mark.parametrize('value', [1.0, True, (1, 1)])
def test_options_are_integers(value):
    with pytest.raises(TypeError, match='max_displacement must be an integer'):
        Correlation(max_displacement=value)


@pytest.mark.parametrize(
    ('a', 'b', 'error', 'message'),
    [
        (torch.zeros(1, 2, 3, 4), torch.zeros(1, 2, 4, 3), ValueError, r'\(1, 2, 3, 4\) and \(1, 2, 4, 3\)'),
        (torch.zeros(2, 3, 4), torch.zeros(2, 3, 4), ValueError, r'\(N, C, H, W\)'),
        (torch.zeros(1, 2, 3, 4), torch.zeros(1, 2, 3, 4).half(), TypeError, 'float32 and torch.float16'),
        (torch.zeros(1, 2, 3, 4).int(), torch.zeros(1, 2, 3, 4).int(), TypeError, 'floating point'),
        (torch.zeros(1, 2, 3, 4), torch.zeros(1, 2, 3, 4, device='meta'), ValueError, 'same device, got cpu and meta'),
    ],
)
def test_inputs_that_do_not_fit(a, b, error, message):
    with pytest.raises(error, match=message):
        correlation(a, b, 1)


def test_what_is_not_finite_stays_where_it_is():
    a, b = features(1, 3, 4, 6)
    expected = correlation(a, b, 2)
    a[0, 1, 2, 3] = float('inf')
    out = correlation(a, b, 2)
    reached = out[..., 2, 3]
    assert not reached[reached != 0].isfinite().any()  # 0: outside of the frame
    out[..., 2, 3] = expected[..., 2, 3]
    torch.testing.assert_close(out, expected)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason='needs a CUDA device')
@pytest.mark.parametrize(('max_displacement', 'dilation_patch', 'padding'), [(4, 1, 0), (10, 2, 3)])
def test_cuda_agrees_with_cpu(max_displacement, dilation_patch, padding):
    inputs = [x.requires_grad_() for x in features(2, 32, 19, 37)]
    on_gpu = [x.detach().cuda().requires_grad_() for x in inputs]
    outs = [correlation(*pair, max_displacement, dilation_patch, padding=padding) for pair in (inputs, on_gpu)]
    torch.testing.assert_close(outs[1].cpu(), outs[0])
    for out in outs:
        out.square().mean().backward()
    for x, y in zip(inputs, on_gpu):
        torch.testing.assert_close(y.grad.cpu(), x.grad)
