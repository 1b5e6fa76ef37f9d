"""Crops that look for what is rarely seen."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from mmcv.transforms import BaseTransform
from mmseg.registry import TRANSFORMS

from i2vda_mmseg.ops import IGNORE_INDEX


@TRANSFORMS.register_module()
class RareClassCrop(BaseTransform):
    """Crop an image and its labels, often around a pixel of a rare class: CBST's mining of patches.

    Of the classes named in ``rare_classes`` one that the labels hold is drawn, and of its pixels one; the crop is
    centred on it as far as the image allows. Other crops lie anywhere. An image smaller than the crop is padded at the
    bottom and on the right.

    Required keys: ``img``. Optional keys: ``gt_seg_map``; ``rare_classes`` (the data set adds those that the labelling
    found). Modified keys: ``img``, ``img_shape``, and the label maps named in ``seg_fields``.

    Args:
        crop_size: (H, W) of the crop.
        mining_prob: Chance of looking for a rare class.
        pad_val: Value of padded pixels, BGR; the mean of the data, for a network that subtracts it.
    """

    def __init__(
        self, crop_size: tuple[int, int], mining_prob: float = 0.8, pad_val: Sequence[float] = (104, 117, 123)
    ) -> None:
        self.crop_size = crop_size
        self.mining_prob = mining_prob
        self.pad_val = pad_val

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Choose the crop, cut and pad."""
        top, left = self._corner(results)
        height, width = self.crop_size
        for key in ('img', *results.get('seg_fields', [])):
            results[key] = self._padded(key, results[key][top : top + height, left : left + width])
        results['img_shape'] = (height, width)
        return results

    def _corner(self, results: dict[str, Any]) -> tuple[int, int]:
        """Top and left of the crop."""
        margins = [max(size - crop, 0) for size, crop in zip(results['img'].shape, self.crop_size)]
        centre = self._rare_pixel(results)
        if centre is None:
            top, left = (np.random.randint(margin + 1) for margin in margins)  # noqa: NPY002 - the seeded generator
            return top, left
        top, left = (min(max(at - crop // 2, 0), m) for at, crop, m in zip(centre, self.crop_size, margins))
        return top, left

    def _rare_pixel(self, results: dict[str, Any]) -> np.ndarray | None:
        """Draw the (row, column) of a pixel of a rare class, or nothing."""
        labels = results.get('gt_seg_map')
        rare = [] if labels is None else [c for c in results.get('rare_classes', []) if (labels == c).any()]
        if not rare or np.random.random() >= self.mining_prob:  # noqa: NPY002
            return None
        pixels = np.argwhere(labels == np.random.choice(rare))  # noqa: NPY002
        return pixels[np.random.randint(len(pixels))]  # noqa: NPY002

    def _padded(self, key: str, values: np.ndarray) -> np.ndarray:
        """Fill a crop up: the image with ``pad_val``, hard labels with 255, soft labels with zeros."""
        if values.shape[:2] == tuple(self.crop_size):
            return np.ascontiguousarray(values)
        fill = {'img': np.array(self.pad_val), 'gt_soft_label': 0}.get(key, IGNORE_INDEX)
        padded = np.empty((*self.crop_size, *values.shape[2:]), values.dtype)
        padded[...] = fill
        padded[: values.shape[0], : values.shape[1]] = values
        return padded
