"""How temporal consistency is computed: the switches, and presets of them as data."""

import math
from numbers import Real
from typing import NamedTuple

FLOW_INPUTS = ('rgb255', 'imagenet')
WARPINGS = ('nearest', 'probs', 'bilinear-labels')
MASKS = ('consistency', 'none')
ABSENT = ('exclude', 'zero')


class Switches(NamedTuple):
    """The choices that make two numbers of the same name differ.

    Attributes:
        flow_input: What the flow estimator sees. 'rgb255': frames in 0..255, as it expects them. 'imagenet': frames
            less ImageNet's mean over its standard deviation, although the estimator expects 0..255.
        warping: 'nearest': the label of the nearest pixel. 'probs': class probabilities, bilinearly, then argmax.
            'bilinear-labels': the label ids themselves, bilinearly, truncated to 8 bits; between the classes 2 and 9 it
            finds classes that nobody predicted.
        mask: 'consistency': only pixels whose flow leads into the frame and back to within ``eta`` pixels (Eq. 7).
            'none': all pixels; samples outside the frame take the border value.
        absent: A class that neither side of any pair holds. 'exclude': it leaves the mean. 'zero': it counts as 0, and
            IoU is I / (U + 1e-10).
        eta: Threshold of the mask in pixels of the prediction, to whose size flow is brought before it is tested: the
            same distance on the image whatever size flow is estimated at.
    """

    flow_input: str
    warping: str
    mask: str
    absent: str
    eta: float = 1.0


TC_PRESETS = {
    # Liu et al., Efficient Semantic Video Segmentation with Per-frame Inference, ECCV 2020, as released
    'etc': Switches(flow_input='imagenet', warping='bilinear-labels', mask='none', absent='zero'),
    'clean': Switches(flow_input='rgb255', warping='nearest', mask='consistency', absent='exclude'),
}
_ALLOWED = dict(flow_input=FLOW_INPUTS, warping=WARPINGS, mask=MASKS, absent=ABSENT)


def choose_switches(preset: str, **overrides: str | float | None) -> Switches:
    """Take a preset and change some of its switches; None changes nothing.

    Raises:
        ValueError: If the preset or the value of a switch is unknown, or ``eta`` is not positive and finite.

    Example:
        >>> choose_switches('clean', mask='none', warping=None)
        Switches(flow_input='rgb255', warping='nearest', mask='none', absent='exclude', eta=1.0)
    """
    if preset not in TC_PRESETS:
        raise ValueError(f'preset must be one of {sorted(TC_PRESETS)}, got {preset!r}')
    changes = {name: value for name, value in overrides.items() if value is not None}
    switches = TC_PRESETS[preset]._replace(**changes)  # type: ignore[arg-type]
    for name, allowed in _ALLOWED.items():
        if getattr(switches, name) not in allowed:
            raise ValueError(f'{name} must be one of {allowed}, got {getattr(switches, name)!r}')
    if not isinstance(switches.eta, Real) or not 0 < switches.eta < math.inf:
        raise ValueError(
            f"eta is a distance in pixels and must be positive and finite, got {switches.eta!r}; mask='none' takes all "
            'pixels'
        )
    return switches._replace(eta=float(switches.eta))
