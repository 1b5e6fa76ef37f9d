"""The same steps for all frames of a sample, whatever these draw, and for the flow between them."""

from collections.abc import Sequence
from copy import deepcopy
from typing import Any

import numpy as np
from mmcv.transforms import TransformBroadcaster as _TransformBroadcaster
from mmseg.registry import TRANSFORMS

from ..seeding import random_states, restore_random_states, same_random_states

_FIELDS = ('flow_pixels_0', 'flow_pixels_1', 'flow_pixels_2')  # bytes of where each pixel was


@TRANSFORMS.register_module()
class TransformBroadcaster(_TransformBroadcaster):
    """mmcv's ``TransformBroadcaster``, whose ``share_random_params=True`` shares everything that is drawn.

    mmcv shares what methods marked ``cache_randomness`` return, and lets the others draw anew for each frame:
    ``PhotoMetricDistortion`` and ``RandomRotFlip`` then change I_0 and I_1 differently. Here each step meets the same
    random state with every frame: of Python's ``random``, NumPy, torch's CPU generator, and of generators that the step
    holds itself. What mmcv shares keeps its values.

    Flow that is in the sample (``flow_ab`` of ``LoadFlow`` or ``EstimateFlow``) is flipped, cropped or turned with the
    frames. A step that does anything else with their pixels, such as ``Resize``, is refused: it belongs before the
    flow. Of a sample marked ``only_last`` (``LoadFramePair(only_last=True)``) the last frame alone is treated, and it
    stands under all keys.

    Arguments and keys are those of mmcv; ``flow_ab`` is modified beside them.

    Raises:
        ValueError: If the frames of a sample make a step draw different amounts of random numbers, or flow cannot
            follow a step.
    """

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Apply each step to all frames."""
        flows = [key for key in results if key.startswith('flow_') and isinstance(results[key], np.ndarray)]
        if 'frame_t' in results or (flows and not self.share_random_params):
            raise ValueError(
                'TransformBroadcaster must come before TemporalAugmentation, and where flow was made before it, needs '
                'share_random_params=True: I_t and flow belong to the frames as they are'
            )
        if not self.share_random_params:
            return super().transform(results)
        samples = self.scatter_sequence(self._map_input(results, self.mapping))
        times = len(samples)
        if results.get('only_last'):
            samples = samples[-1:]
        for step in self.transforms:
            if flows:
                _trace(samples[-1])
            samples = _apply(step, samples)
            for flow in flows:
                results[flow] = _moved(step, results[flow], _pixels(samples[-1]), samples[-1]['img'].shape[:2])
            for field in _FIELDS:
                samples[-1].pop(field, None)
        outputs = {key: [sample[key] for sample in samples] * (times // len(samples)) for key in samples[0]}
        results.update(self._map_output(outputs, self.remapping))
        return results


def _apply(step: Any, samples: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Apply a step to each sample from the same random state, which moves on once."""
    before, after, done = random_states(), None, []
    for sample in samples:
        restore_random_states(before)
        # A copy for all but the last, since a step may hold a generator of its own.
        done.append((step if sample is samples[-1] else deepcopy(step))(sample))
        if done[-1] is None:
            raise ValueError(f'{type(step).__name__} dropped a frame; no frame of a sample may be dropped')
        if after is not None and not same_random_states(after, random_states()):
            raise ValueError(
                f'{type(step).__name__} draws differently for frames that look different, and cannot treat the frames '
                'of a sample alike'
            )
        after = random_states()
    return done


def _trace(sample: dict[str, Any]) -> None:
    """Number the pixels, in label maps, which every step moves as it moves the image."""
    height, width = sample['img'].shape[:2]
    numbers = np.arange(height * width).reshape(height, width)
    for place, field in enumerate(_FIELDS):
        sample[field] = (numbers >> 8 * place & 255).astype(np.uint8)
    sample['seg_fields'] = [*sample.get('seg_fields', []), *_FIELDS]


def _pixels(sample: dict[str, Any]) -> np.ndarray:
    """Read the numbers of ``_trace``: where each pixel was, (H, W)."""
    sample['seg_fields'] = [field for field in sample['seg_fields'] if field not in _FIELDS]
    return sum(sample[field].astype(np.int64) << 8 * place for place, field in enumerate(_FIELDS))


def _moved(step: Any, flow: np.ndarray, pixels: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Move a flow (H, W, 2) with its frames of now this size: to other places, and its vectors to the new axes."""
    rows, columns = np.divmod(pixels, flow.shape[1])
    places = np.stack((columns, rows), axis=-1)
    right, down = places[0, 1] - places[0, 0], places[1, 0] - places[0, 0]
    x, y = np.meshgrid(np.arange(pixels.shape[1]), np.arange(pixels.shape[0]))
    expected = places[0, 0] + x[..., None] * right + y[..., None] * down
    turned = sorted(map(tuple, np.abs([right, down]))) == [(0, 1), (1, 0)]
    if pixels.shape != size or not turned or not np.array_equal(places, expected) or rows.max() >= flow.shape[0]:
        raise ValueError(
            f'flow cannot follow {type(step).__name__}, which does not flip, crop or turn by right angles; put '
            'LoadFlow or EstimateFlow after it'
        )
    return np.ascontiguousarray(flow[rows, columns] @ np.stack((right, down), axis=1).astype(flow.dtype))
