"""From the keys of a pipeline to what a model takes."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from mmcv.transforms import BaseTransform
from mmengine.structures import PixelData
from mmseg.registry import TRANSFORMS
from mmseg.structures import SegDataSample

META_KEYS = ('img_path', 'seg_map_path', 'frame_paths', 'frame_keys', 'ori_shape', 'img_shape')


@TRANSFORMS.register_module()
class PackFramePair(BaseTransform):
    """Pack two or more frames; the counterpart of mmseg's ``PackSegInputs``.

    The frames stay uint8 and BGR, as everywhere in mmseg's pipelines; the model's preprocessor makes RGB of them.

    Required keys: ``frame_0``, ``frame_1``... ((H, W, 3), uint8, BGR); or ``img``, a single image that stands for both.
    Optional keys: ``gt_seg_map`` ((H, W), class indices) and ``gt_soft_label`` ((H, W, C), uint8), labels or
    pseudo-labels of the last frame, which become ``gt_sem_seg`` (int64) and ``gt_soft_label`` (C, H, W) of the data
    sample. So do ``flow_ab`` ((H, W, 2), pixels; of ``EstimateFlow`` or ``LoadFlow``) as ``flow_ab`` (2, H, W), what
    ``TemporalAugmentation`` adds: ``frame_t`` (3, H, W), RGB 0..255, with its time and settings, and ``valid_map``
    ((H, W), of ``MarkMargins``) as (1, H, W).

    Returns ``dict(inputs=..., data_samples=...)``: a (T, 3, H, W) uint8 BGR tensor of the frames, of a pair I_0 and
    I_1, or of the last one where the sample is marked ``only_last`` (``LoadFramePair(only_last=True)``); and a
    ``SegDataSample`` whose meta information holds ``meta_keys``. ``img_shape`` is taken from the frames as they are
    now, since ``TransformBroadcaster`` keeps the sizes that it changes to itself.

    Args:
        meta_keys: Keys to hand over, as far as the sample has them.

    Raises:
        ValueError: If the frames or the flows between them differ in size, or frames are not (H, W, 3).
    """

    def __init__(self, meta_keys: Sequence[str] = META_KEYS) -> None:
        self.meta_keys = meta_keys

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Stack the frames and collect the meta information."""
        keys = _frames(results)
        shapes = [results[key].shape for key in keys]
        if len(set(shapes)) > 1 or len(shapes[0]) != 3 or shapes[0][2] != 3:
            raise ValueError(
                f'PackFramePair: frames must have one shape (H, W, 3), got {" and ".join(map(str, shapes))}; '
                'wrap random steps in TransformBroadcaster with share_random_params=True.'
            )
        read = keys[-1:] if results.get('only_last') else keys
        frames = np.stack([results[key] for key in read]).transpose(0, 3, 1, 2)
        meta = {**results, 'img_shape': shapes[0][:2]}
        wanted = (*self.meta_keys, 't', 'temporal_augmentation')
        data_sample = SegDataSample(metainfo={key: meta[key] for key in wanted if key in meta})
        _add_pseudo_labels(data_sample, results)
        _add_flows(data_sample, results, shapes[0][:2])
        _add_valid_map(data_sample, results, shapes[0][:2])
        return {'inputs': torch.from_numpy(np.ascontiguousarray(frames)), 'data_samples': data_sample}


def _frames(results: dict[str, Any]) -> list[str]:
    """Keys of the frames in order; a single image stands for both frames of a pair."""
    if 'frame_1' not in results:
        return ['img', 'img']
    keys = ['frame_0', 'frame_1']
    while f'frame_{len(keys)}' in results:
        keys.append(f'frame_{len(keys)}')
    return keys


def _add_pseudo_labels(data_sample: SegDataSample, results: dict[str, Any]) -> None:
    if 'gt_seg_map' in results:
        labels = torch.from_numpy(results['gt_seg_map'].astype(np.int64))
        data_sample.gt_sem_seg = PixelData(data=labels[None])
    if 'gt_soft_label' in results:
        soft_labels = np.ascontiguousarray(results['gt_soft_label'].transpose(2, 0, 1))
        data_sample.gt_soft_label = PixelData(data=torch.from_numpy(soft_labels))


def _add_valid_map(data_sample: SegDataSample, results: dict[str, Any], size: tuple[int, int]) -> None:
    """Add the mark of ``MarkMargins``, which must have been moved with the frames."""
    if 'valid_map' not in results:
        return
    if results['valid_map'].shape != size:
        raise ValueError(
            f'PackFramePair: valid_map has {results["valid_map"].shape} pixels, the frames {size} (H, W); name it in '
            "the TransformBroadcaster: mapping=dict(img=['frame_0', 'frame_1'], valid_map=['valid_map'] * 2)"
        )
    valid = np.ascontiguousarray(results['valid_map'])
    data_sample.valid_map = PixelData(data=torch.from_numpy(valid)[None])


def _add_flows(data_sample: SegDataSample, results: dict[str, Any], size: tuple[int, int]) -> None:
    """Add flows and I_t, which belong to the frames as they are packed."""
    for key, values in results.items():
        if not key.startswith('flow_') and key != 'frame_t':
            continue
        if values.shape[:2] != size:
            raise ValueError(
                f'PackFramePair: {key} has {values.shape[0]}x{values.shape[1]} pixels, the frames {size[0]}x{size[1]} '
                '(H x W); put EstimateFlow or LoadFlow after the steps that resize'
            )
        channels = values[..., ::-1] if key == 'frame_t' else values  # BGR to RGB
        data = torch.from_numpy(np.ascontiguousarray(channels.transpose(2, 0, 1)))
        data_sample.set_data({key: PixelData(data=data)})
