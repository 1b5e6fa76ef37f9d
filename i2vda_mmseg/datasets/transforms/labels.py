"""Loading and editing of label maps."""

from typing import Any

import cv2
import numpy as np
from mmcv.transforms import BaseTransform
from mmseg.registry import TRANSFORMS

from i2vda_mmseg.fileio.images import read_index_label, read_red_label
from i2vda_mmseg.ops import IGNORE_INDEX

LABEL_STEPS = ('LoadRawLabels', 'LoadAnnotations')  # of pipelines, which read what a frame's pixels are
_UNKNOWN = 254
_READERS = {'index': read_index_label, 'red16': read_red_label}


@TRANSFORMS.register_module()
class LoadRawLabels(BaseTransform):
    """Load a label of raw ids, check it, and map it to class indices.

    Before ``Resize`` the label is resized with the image (training); after it the label stays at its native size
    (evaluation). Where mmseg's ``LoadAnnotations`` can read a label, both give the same.

    A sample without ``seg_map_path`` passes unchanged: an image handed to ``mmseg.apis.inference_model`` has no label.

    Required keys: ``seg_map_path``, ``label_map`` (every raw id -> class index or 255). Optional keys:
    ``label_encoding`` ('index', the default: one 8-bit channel, grey or palette; 'red16': raw id in the red channel),
    ``ori_shape`` (size that the label must have). Added keys: ``gt_seg_map`` ((H, W), uint8, 255 = ignored), also named
    in ``seg_fields``.

    Args:
        backend_args: File backend of mmengine; the local disk by default.

    Raises:
        FileNotFoundError: If there is no such label.
        ValueError: If the label cannot be decoded, differs from its image in size, or holds an unknown raw id.
    """

    def __init__(self, backend_args: dict | None = None) -> None:
        self.backend_args = backend_args

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Read the label."""
        if 'seg_map_path' not in results:
            return results
        path = results['seg_map_path']
        raw = read_raw_ids(path, results.get('label_encoding', 'index'), self.backend_args)
        _check_size(path, raw, results.get('ori_shape'), results.get('img_path', ''))
        results['gt_seg_map'] = to_classes(path, raw, results.get('label_map'))
        results.setdefault('seg_fields', []).append('gt_seg_map')
        return results


@TRANSFORMS.register_module()
class MaskEgoVehicle(BaseTransform):
    """Ignore the camera's own car, as DA-VSN (Guan et al., ICCV 2021) does on VIPER.

    If the pixel in the middle of the last row is of class car, its 8-connected component of that class becomes 255. In
    DA-VSN it follows the resize; place it after ``Resize``.

    Required and modified keys: ``gt_seg_map``.

    Args:
        label: Class index of car (10 of the 15 classes).
    """

    def __init__(self, label: int = 10) -> None:
        self.label = label

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Edit the label."""
        labels = results['gt_seg_map']
        bottom_middle = (labels.shape[0] - 1, labels.shape[1] // 2)
        if labels[bottom_middle] == self.label:
            _, components = cv2.connectedComponents((labels == self.label).astype(np.uint8), connectivity=8)
            is_ego = components == components[bottom_middle]
            results['gt_seg_map'] = np.where(is_ego, np.uint8(IGNORE_INDEX), labels)
        return results


def read_raw_ids(path: str, encoding: str, backend_args: dict | None = None) -> np.ndarray:
    """Read a label as it is on disk, for encodings see ``LoadRawLabels``: (H, W), uint8 or uint16.

    Raises:
        OSError: If there is no such file, it is a folder, or it may not be read.
        ValueError: If the encoding is unknown, or the label cannot be decoded.
    """
    if encoding not in _READERS:
        raise ValueError(f'label_encoding={encoding!r} is unknown; choose one of {list(_READERS)}.')
    return _READERS[encoding](path, backend_args)


def _check_size(path: str, raw: np.ndarray, image_shape: tuple[int, int] | None, image: str) -> None:
    if image_shape is not None and raw.shape != tuple(image_shape[:2]):
        (height, width), (image_height, image_width) = raw.shape, image_shape[:2]
        raise ValueError(
            f'label {path} has {width}x{height} pixels, its image {image_width}x{image_height} (width x height) '
            f'{image}; image and label must come from the same download.'
        )


def to_classes(path: str, raw: np.ndarray, label_map: dict[int, int] | None) -> np.ndarray:
    """Look raw ids (H, W), uint8 or uint16, up in a map of every known one to a class or 255: (H, W), uint8.

    Raises:
        ValueError: If a raw id is unknown, or there is no ``label_map``.
    """
    if label_map is None:
        raise ValueError(f"label {path}: the data set gives no 'label_map'; LoadRawLabels needs one of this package.")
    table = np.full(np.iinfo(raw.dtype).max + 1, _UNKNOWN, np.uint8)
    table[list(label_map)] = list(label_map.values())
    classes = cv2.LUT(raw, table) if raw.dtype == np.uint8 else table[raw]  # a tenth of the time of indexing
    if (classes == _UNKNOWN).any():
        unknown = np.unique(raw[classes == _UNKNOWN]).tolist()
        shown = f'{unknown[:10]}{" ..." if len(unknown) > 10 else ""}'
        raise ValueError(
            f'label {path} holds the unknown raw ids {shown}; known are {_ranges(list(label_map))}. '
            'Use the label-id files as downloaded, not colours; for Cityscapes, label_ids says which ids they hold.'
        )
    return classes


def _ranges(ids: list[int]) -> str:
    """Write sorted numbers as ranges.

    Example:
        >>> _ranges([0, 1, 2, 255])
        '0..2, 255'
    """
    ids = sorted(ids)
    starts = [number for number in ids if number - 1 not in ids]
    ends = [number for number in ids if number + 1 not in ids]
    return ', '.join(f'{start}' if start == end else f'{start}..{end}' for start, end in zip(starts, ends))
