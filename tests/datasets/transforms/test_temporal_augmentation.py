import numpy as np
import pytest
import torch
from helpers import warp_reference
from mmseg.registry import TRANSFORMS

HEIGHT, WIDTH = 6, 9


def sample(batch=None, dtype=torch.float32):
    generator = torch.Generator().manual_seed(3)
    lead = () if batch is None else (batch,)
    frames = [(torch.rand(*lead, 3, HEIGHT, WIDTH, generator=generator) * 255).to(dtype) for _ in range(2)]
    flows = [torch.randn(*lead, 2, HEIGHT, WIDTH, generator=generator) for _ in range(2)]
    return dict(zip(('frame_0', 'frame_1', 'flow_01', 'flow_10'), frames + flows))


def build(**options):
    return TRANSFORMS.build(dict(type='TemporalAugmentation', **options))


def expected(results, t, alpha):
    """Eq. 2 and 3, independently of the package."""
    keys = ('frame_0', 'frame_1', 'flow_01', 'flow_10')
    arrays = [results[key].double().numpy() for key in keys]
    is_single = arrays[0].ndim == 3
    frame_0, frame_1, flow_01, flow_10 = (array[None] for array in arrays) if is_single else arrays
    frame_t = alpha * warp_reference(frame_0, t * flow_10) + (1 - alpha) * warp_reference(frame_1, (1 - t) * flow_01)
    return frame_t[0] if is_single else frame_t


@pytest.mark.parametrize('batch', [None, 2])
@pytest.mark.parametrize('dtype', [torch.float32, torch.uint8])
def test_a_sample_and_a_batch_follow_the_equations(batch, dtype):
    inputs = sample(batch, dtype)
    results = build(t=0.3, alpha=0.6)(dict(inputs))
    assert results['t'] == 0.3
    assert results['frame_t'].dtype == torch.float32
    np.testing.assert_allclose(results['frame_t'].numpy(), expected(inputs, 0.3, 0.6), atol=1e-3)
    assert all(results[key] is inputs[key] for key in inputs)


def test_time_zero_with_alpha_one_is_the_first_frame():
    inputs = sample()
    assert torch.equal(build(t=0.0, alpha=1.0)(dict(inputs))['frame_t'], inputs['frame_0'])


def test_random_time_is_uniform_and_one_for_the_batch():
    augment = build()
    times = np.sort([augment(sample(batch=2))['t'] for _ in range(400)])
    # Kolmogorov's distance from U(0, 1); 0.1 is exceeded once in a thousand draws of 400
    assert np.abs(times - (np.arange(400) + 0.5) / 400).max() < 0.1


def test_a_seed_decides_the_time_whatever_was_drawn_before():
    augment = build()
    first = augment(sample() | dict(t_seed=7))['t']
    state = torch.get_rng_state()
    again = augment(sample() | dict(t_seed=7))['t']
    assert torch.equal(torch.get_rng_state(), state)
    assert first == again
    assert first != augment(sample() | dict(t_seed=8))['t']


def test_arguments_are_public_and_checked():
    augment = build(alpha=0.25, t='random')
    assert (augment.alpha, augment.t) == (0.25, 'random')
    assert repr(augment) == "TemporalAugmentation(alpha=0.25, t='random')"
    for options in (dict(alpha=1.5), dict(t=-0.1), dict(t='half')):
        with pytest.raises(ValueError, match=next(iter(options))):
            build(**options)
    incomplete = sample()
    del incomplete['flow_10']
    with pytest.raises(KeyError, match=r"lacks \['flow_10'\]"):
        augment(incomplete)
