"""Source images in the target's colours, as TPS trains on them."""

from typing import Any

import numpy as np
import torch
from mmcv.transforms import BaseTransform
from mmseg.registry import TRANSFORMS
from torch import Tensor

_LEVELS = np.arange(256)


@TRANSFORMS.register_module()
class HistogramMatching(BaseTransform):
    """Give each channel of the source images the distribution of values of the target image.

    A step of ``DomainPairDataset(joint_pipeline=[...])``. Each value v of the source becomes the value w of the target
    with ``F_target(w) = F_source(v)``, where F is the share of pixels of at most that value; between the values that
    the target has, w is interpolated linearly. The target image is the last of its frames (TPS, Xing et al., ECCV 2022:
    the frame d); the frames of a source sample are matched one by one.

    Required keys: ``source`` and ``target``, each with ``inputs`` ((3, H, W) or (T, 3, H, W), uint8). Modified keys:
    ``source.inputs`` (same shape, float32, 0..255, not rounded).

    Raises:
        TypeError: If images are not uint8: put this step before others that change the source's values.
    """

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Match the source's images."""
        source, target = results['source']['inputs'], results['target']['inputs']
        for domain, images in (('source', source), ('target', target)):
            if images.dtype != torch.uint8:
                raise TypeError(
                    f'HistogramMatching takes uint8 images, but those of the {domain} are {images.dtype}; '
                    'put it first in the joint pipeline'
                )
        reference = target if target.ndim == 3 else target[-1]
        matched = torch.stack([_match(image, reference) for image in source.view(-1, *source.shape[-3:])])
        results['source'] = {**results['source'], 'inputs': matched.view(source.shape)}
        return results


def _match(image: Tensor, reference: Tensor) -> Tensor:
    """Match the channels of an image (3, H, W), uint8, to those of another of any size."""
    tables = [_table(channel.numpy(), like.numpy()) for channel, like in zip(image, reference)]
    return torch.stack([torch.from_numpy(table)[channel.long()] for table, channel in zip(tables, image)])


def _table(values: np.ndarray, like: np.ndarray) -> np.ndarray:
    """What each of the 256 values becomes, float32."""
    shares = np.cumsum(np.bincount(values.ravel(), minlength=256)) / values.size
    counts = np.bincount(like.ravel(), minlength=256)
    present = counts > 0
    return np.interp(shares, np.cumsum(counts)[present] / like.size, _LEVELS[present]).astype(np.float32)
