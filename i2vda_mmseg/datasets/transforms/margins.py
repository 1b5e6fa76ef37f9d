"""Where a target image has no labels to learn from."""

from typing import Any

import numpy as np
from mmcv.transforms import BaseTransform
from mmseg.registry import TRANSFORMS

from i2vda_mmseg.ops import within_margins


@TRANSFORMS.register_module()
class MarkMargins(BaseTransform):
    """Mark the margins of an image as not to be learnt from; what resizes, crops and flips it moves the mark along.

    For self-training: at the left and right, at the top, and at the bottom, where the camera's own car is, the teacher
    errs (HRDA, Hoyer et al., ECCV 2022). Put it first, behind the loading of frames, and name ``valid_map`` in the
    mapping of a ``TransformBroadcaster``: ``mapping=dict(img=['frame_0', 'frame_1'], valid_map=['valid_map'] * 2)``.

    Required keys: ``img`` or ``frame_0``. Added keys: ``valid_map`` ((H, W), uint8, 1 where pixels count, anything else
    where not), also named in ``seg_fields``; ``PackFramePair`` hands it over.

    Args:
        top: Rows at the top, in pixels of the image as it is here.
        bottom: Rows at the bottom.
        left: Columns on the left.
        right: Columns on the right.

    Raises:
        ValueError: If a number is negative; of an image, if they leave nothing of it.
    """

    def __init__(self, top: int = 0, bottom: int = 0, left: int = 0, right: int = 0) -> None:
        if min(top, bottom, left, right) < 0:
            raise ValueError(f'MarkMargins: margins must not be negative, got {top}, {bottom}, {left}, {right}')
        self.top, self.bottom, self.left, self.right = top, bottom, left, right

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Make the mark."""
        size = results['frame_0' if 'frame_0' in results else 'img'].shape[:2]
        valid = np.zeros(size, np.uint8)
        valid[within_margins(size, self.top, self.bottom, self.left, self.right)] = 1
        results['valid_map'] = valid
        results['seg_fields'] = [*results.get('seg_fields', []), 'valid_map']
        return results
