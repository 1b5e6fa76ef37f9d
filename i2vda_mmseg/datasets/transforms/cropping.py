"""Cutting away what only one domain shows."""

from typing import Any

from mmcv.transforms import BaseTransform
from mmseg.registry import TRANSFORMS


@TRANSFORMS.register_module()
class DropBottomRows(BaseTransform):
    """Cut rows off the bottom of an image and its labels, as DA-VSN's code does with 120 rows of SYNTHIA.

    Modified keys: ``img``, ``img_shape``, and the label maps named in ``seg_fields``.

    Args:
        rows: Number of rows, counted in the image as it comes.

    Raises:
        ValueError: If ``rows`` is negative, or not less than the image's height.
    """

    def __init__(self, rows: int = 120) -> None:
        if rows < 0:
            raise ValueError(f'rows must not be negative, got {rows}')
        self.rows = rows

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Cut the image and its labels."""
        height = results['img'].shape[0] - self.rows
        if height < 1:
            raise ValueError(
                f'DropBottomRows(rows={self.rows}) leaves nothing of {results.get("img_path", "an image")}, '
                f'which has {results["img"].shape[0]} rows'
            )
        for key in ('img', *results.get('seg_fields', [])):
            results[key] = results[key][:height]
        results['img_shape'] = results['img'].shape[:2]
        return results
