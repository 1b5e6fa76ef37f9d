import math

import pytest
import torch

from i2vda_mmseg.flow.diagnosis import EXPLANATIONS, Diagnosis

HEIGHT, WIDTH = 64, 96
DOWN = torch.tensor([1.0, -1.0]).view(1, 2, 1, 1)
FAULTS = {
    'none': (lambda f01, f10: (f01, f10), 'as given'),
    'negated': (lambda f01, f10: (-f01, -f10), 'reversed'),
    'directions exchanged': (lambda f01, f10: (f10, f01), 'reversed'),
    'axes swapped': (lambda f01, f10: (f01.flip(1), f10.flip(1)), 'axes swapped'),
    'doubled': (lambda f01, f10: (2 * f01, 2 * f10), 'half as long'),
    'halved': (lambda f01, f10: (f01 / 2, f10 / 2), 'twice as long'),
    'rows': (lambda f01, f10: (f01.flip(2), f10.flip(2)), 'upside down'),
    'v': (lambda f01, f10: (f01 * DOWN, f10 * DOWN), 'upside down'),
    'rows and v': (lambda f01, f10: (f01.flip(2) * DOWN, f10.flip(2) * DOWN), 'upside down'),
}


def paint(x, y, seed=0):
    """A pattern of waves in all directions at any positions (H, W): RGB in 0..255, (1, 3, H, W)."""
    generator = torch.Generator().manual_seed(seed)
    grey = torch.zeros_like(x)
    for _ in range(40):
        angle, phase, length = torch.rand(3, generator=generator).tolist()
        along = x * math.cos(2 * math.pi * angle) + y * math.sin(2 * math.pi * angle)
        grey += torch.sin(2 * math.pi * (along / (8 + 30 * length) + phase))
    return (127 + 12 * grey).clamp(0, 255).expand(1, 3, -1, -1)


def grid():
    y, x = torch.meshgrid(torch.arange(float(HEIGHT)), torch.arange(float(WIDTH)), indexing='ij')
    return x, y


def translation(seed=0, u=3.3, v=-2.2):
    x, y = grid()
    flow = torch.tensor([u, v]).view(1, 2, 1, 1).expand(1, 2, HEIGHT, WIDTH)
    return paint(x, y, seed), paint(x - u, y - v, seed), flow, -flow


def zoom(seed=0, factor=1.12, center=(40.0, 20.0)):
    x, y = grid()
    away = torch.stack((x - center[0], y - center[1]))[None]
    earlier = center[0] + away[0, 0] / factor, center[1] + away[0, 1] / factor
    return paint(x, y, seed), paint(*earlier, seed), (factor - 1) * away, (1 / factor - 1) * away


def diagnose(frame_0, frame_1, flow_01=None, flow_10=None):
    diagnosis = Diagnosis()
    diagnosis.add(frame_0, frame_1, flow_01, flow_10)
    return diagnosis


@pytest.mark.parametrize('motion', [translation, zoom])
@pytest.mark.parametrize('fault', FAULTS)
@pytest.mark.parametrize('directions', ['both', 'F_01', 'F_10'])
def test_names_the_fault(motion, fault, directions):
    frame_0, frame_1, flow_01, flow_10 = motion()
    plant, expected = FAULTS[fault]
    if motion is translation and fault == 'rows':
        expected = 'as given'  # a uniform field has no rows to turn over
    flow_01, flow_10 = plant(flow_01, flow_10)
    given = {'F_01': (flow_01, None), 'F_10': (None, flow_10)}.get(directions, (flow_01, flow_10))
    verdicts = diagnose(frame_0, frame_1, *given).verdicts()
    assert {name: verdict.best for name, verdict in verdicts.items()} == dict.fromkeys(
        ['F_01', 'F_10'] if directions == 'both' else [directions], expected
    )


@pytest.mark.parametrize('motion', [translation, zoom])
def test_errors_are_of_the_stated_explanations(motion):
    verdict = diagnose(*motion()).verdicts()['F_01']
    assert tuple(verdict.errors) == EXPLANATIONS
    given = verdict.errors['as given']
    assert given < 0.3 * verdict.errors['no flow']  # what left the frame, and interpolation
    assert min(error for name, error in verdict.errors.items() if name not in ('as given', 'upside down')) > 2 * given


def test_a_common_brightness_is_no_error():
    frame = translation()[0]
    verdict = diagnose(frame, frame + 20, torch.zeros(1, 2, HEIGHT, WIDTH)).verdicts()['F_01']
    assert verdict.errors['no flow'] == pytest.approx(0, abs=1e-3)
    assert verdict.best is None


@pytest.mark.parametrize('kind', ['zero', 'garbage', 'far outside', 'nan'])
def test_flow_that_explains_nothing(kind):
    frame_0, frame_1, flow, _ = zoom()
    generator = torch.Generator().manual_seed(1)
    flow = {
        'zero': torch.zeros_like(flow),
        'garbage': 6 * torch.randn(flow.shape, generator=generator),
        'far outside': flow + 1000,
        'nan': torch.full_like(flow, torch.nan),
    }[kind]
    diagnosis = diagnose(frame_0, frame_1, flow)
    assert diagnosis.verdicts()['F_01'].best == 'no flow'
    assert 'no better than no flow' in diagnosis.sentence()


@pytest.mark.parametrize('noise', [0.0, 2.0])
def test_nothing_moves(noise):
    frame_0 = translation()[0]
    frame_0, frame_1 = (frame_0 + noise * torch.randn(frame_0.shape) for _ in range(2))
    flow = 0.05 * torch.randn(1, 2, HEIGHT, WIDTH)
    diagnosis = diagnose(frame_0, frame_1, flow, -flow)
    assert [verdict.best for verdict in diagnosis.verdicts().values()] == [None, None]
    assert diagnosis.sentence() == 'The flow cannot be judged: nothing moves between the frames.'


def test_flow_of_a_still_scene_can_be_wrong():
    frame_0, _, flow, _ = zoom()
    assert diagnose(frame_0, frame_0, flow).verdicts()['F_01'].best == 'no flow'


def test_no_texture():
    frame = torch.full((1, 3, HEIGHT, WIDTH), 90.0)
    diagnosis = diagnose(frame, frame, torch.ones(1, 2, HEIGHT, WIDTH))
    assert diagnosis.verdicts()['F_01'].best is None
    assert diagnosis.sentence() == 'The flow cannot be judged: the frames show too little texture.'


@pytest.mark.parametrize('fault', ['none', 'negated', 'doubled', 'v'])
def test_noise_brightness_and_missing_pixels_do_no_harm(fault):
    frame_0, frame_1, *flows = zoom()
    plant, expected = FAULTS[fault]
    flow_01, flow_10 = (flow.clone() for flow in plant(*flows))
    flow_01[..., :20, :30] = torch.nan
    frame_0 = frame_0 + 3 * torch.randn(frame_0.shape)
    frame_1 = frame_1 + 20 + 3 * torch.randn(frame_1.shape)
    frame_1[..., 20:30, 20:40] = 255  # something appears
    verdicts = diagnose(frame_0, frame_1, flow_01, flow_10).verdicts()
    assert {verdict.best for verdict in verdicts.values()} == {expected}


def test_pairs_add_up():
    diagnosis = Diagnosis()
    for seed, motion in enumerate((translation, zoom, translation)):
        frame_0, frame_1, flow_01, _ = motion(seed)
        diagnosis.add(frame_0, frame_1, flow_01=2 * flow_01)
    assert list(diagnosis.verdicts()) == ['F_01']
    assert diagnosis.sentence() == ('The flow is too long by a factor of 2: it fits best when its vectors are halved.')


def test_directions_may_differ():
    frame_0, frame_1, flow_01, flow_10 = zoom()
    diagnosis = diagnose(frame_0, frame_1, flow_01, flow_10.flip(1))
    assert diagnosis.sentence() == (
        'F_01 fits best as it is, but F_10 has its axes swapped: it fits best when x and y change places.'
    )


def test_says_how_it_is_upside_down():
    frame_0, frame_1, flow_01, _ = zoom()
    assert diagnose(frame_0, frame_1, flow_01.flip(2)).sentence() == (
        'The flow is upside down: it fits best when its rows are turned over.'
    )


def test_needs_flow():
    frame_0, frame_1, *_ = zoom()
    with pytest.raises(ValueError, match='at least one direction'):
        diagnose(frame_0, frame_1)


def test_errors_of_an_estimate_are_no_explanation():
    """Without vertical motion to speak of, turning a slightly wrong flow over may mend it; that proves nothing."""
    frame_0, frame_1, flow_01, flow_10 = translation(u=6.0, v=-0.05)
    verdicts = diagnose(frame_0, frame_1, flow_01 * DOWN, flow_10 * DOWN).verdicts()
    for verdict in verdicts.values():
        assert verdict.errors['upside down'] < 0.95 * verdict.errors['as given']
        assert verdict.best == 'as given'
