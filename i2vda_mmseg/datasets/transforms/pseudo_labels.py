"""Loading of what an earlier stage of the run has labelled."""

from typing import Any

import mmcv
import numpy as np
from mmcv.transforms import BaseTransform
from mmseg.registry import TRANSFORMS

from i2vda_mmseg.fileio.pseudo_labels import read_labels, read_soft_labels


@TRANSFORMS.register_module()
class LoadPseudoLabels(BaseTransform):
    """Load the pseudo-labels of a target frame, at the size that the frame has at this point of the pipeline.

    Place it after ``Resize``: pseudo-labels are stored at the size of training, and brought to the frame's size by
    nearest neighbours where that differs. Random steps after it (scale, crop, flip) then treat labels and image alike.
    A sample without ``pseudo_label_path`` passes unchanged: in the stages before the first labelling there are none.

    Required keys: ``img`` or ``frame_1``. Optional key: ``pseudo_label_path``.
    Added keys: ``gt_seg_map`` ((H, W), uint8, 255 = ignored), also named in ``seg_fields``.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it cannot be decoded.
    """

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Read the hard labels."""
        if 'pseudo_label_path' in results:
            _add(results, 'gt_seg_map', read_labels(results['pseudo_label_path']))
        return results


@TRANSFORMS.register_module()
class LoadSoftPseudoLabels(BaseTransform):
    """Load the soft pseudo-labels of a target frame; where and how as in ``LoadPseudoLabels``.

    Required keys: ``img`` or ``frame_1``. Optional key: ``pseudo_label_path`` (of the hard labels beside them).
    Added keys: ``gt_soft_label`` ((H, W, C), uint8 counts of 1/255, all zeros = none), also named in ``seg_fields``.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it cannot be decoded.
    """

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Read the soft labels."""
        if 'pseudo_label_path' in results:
            _add(results, 'gt_soft_label', read_soft_labels(results['pseudo_label_path']).transpose(1, 2, 0))
        return results


def _add(results: dict[str, Any], key: str, labels: np.ndarray) -> None:
    """Bring labels to the frame's size and name them among those that random steps transform."""
    height, width = (results['img'] if 'img' in results else results['frame_1']).shape[:2]
    if labels.shape[:2] != (height, width):
        labels = mmcv.imresize(np.ascontiguousarray(labels), (width, height), interpolation='nearest', backend='cv2')
    results[key] = labels
    results.setdefault('seg_fields', []).append(key)
