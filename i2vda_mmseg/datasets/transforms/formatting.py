"""From the keys of a pipeline to what a model takes."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from mmcv.transforms import BaseTransform
from mmseg.registry import TRANSFORMS
from mmseg.structures import SegDataSample


@TRANSFORMS.register_module()
class PackFramePair(BaseTransform):
    """Pack two frames; the counterpart of mmseg's ``PackSegInputs`` for a target without labels.

    The frames stay uint8 and BGR, as everywhere in mmseg's pipelines; the model's preprocessor makes RGB of them.

    Required keys: ``frame_0``, ``frame_1`` ((H, W, 3), uint8, BGR).

    Returns ``dict(inputs=..., data_samples=...)``: a (2, 3, H, W) uint8 BGR tensor of I_0 and I_1, and a
    ``SegDataSample`` whose meta information holds ``meta_keys``. ``img_shape`` is taken from the frames as they are
    now, since ``TransformBroadcaster`` keeps the sizes that it changes to itself.

    Args:
        meta_keys: Keys to hand over, as far as the sample has them.

    Raises:
        ValueError: If the frames differ in size, or are not (H, W, 3).
    """

    def __init__(
        self, meta_keys: Sequence[str] = ('img_path', 'frame_paths', 'frame_keys', 'ori_shape', 'img_shape')
    ) -> None:
        self.meta_keys = meta_keys

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Stack the frames and collect the meta information."""
        shapes = [results[key].shape for key in ('frame_0', 'frame_1')]
        if shapes[0] != shapes[1] or len(shapes[0]) != 3 or shapes[0][2] != 3:
            raise ValueError(
                f'PackFramePair: frames must have one shape (H, W, 3), got {shapes[0]} and {shapes[1]}; '
                'wrap random steps in TransformBroadcaster with share_random_params=True.'
            )
        frames = np.stack([results['frame_0'], results['frame_1']]).transpose(0, 3, 1, 2)
        meta = {**results, 'img_shape': shapes[0][:2]}
        data_sample = SegDataSample(metainfo={key: meta[key] for key in self.meta_keys if key in meta})
        return {'inputs': torch.from_numpy(np.ascontiguousarray(frames)), 'data_samples': data_sample}
