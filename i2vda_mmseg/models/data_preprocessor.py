"""From samples of two domains to tensors on the device."""

from collections.abc import Sequence
from typing import Any

import torch
from mmengine.structures import PixelData
from mmseg.models import SegDataPreProcessor
from mmseg.registry import MODELS
from torch import Tensor


@MODELS.register_module()
class DomainDataPreprocessor(SegDataPreProcessor):
    """Batch the samples of a domain pair; at test time, mmseg's ``SegDataPreProcessor`` for single images.

    A training batch is ``dict(source=dict(inputs, data_samples), target=dict(inputs, data_samples))`` of uint8 images
    in mmseg's colour order, BGR. It becomes::

        source: dict(inputs=(N, 3, H, W) normalised for the network, labels=(N, H, W) int64, data_samples)
        target: dict(frames=(N, 2, 3, H, W) float32, RGB 0..255 = I_0, I_1; data_samples),
            with labels=(N, H, W) int64 where the samples carry pseudo-labels of I_1

    Frames may be more than two, (N, T, 3, H, W) in order of time. A source of frames has them raw as ``frames``, beside
    the ``inputs`` of the last one, which is the labelled one. At test time frames become ``dict(inputs=(N, T, 3, H, W)
    float32, RGB 0..255; data_samples)``.

    The target stays raw because the flow estimator and Eq. 3 work on RGB 0..255; ``normalize`` makes network input of
    any such frame.

    Args:
        **kwargs: Those of ``SegDataPreProcessor``: ``mean``, ``std``, ``bgr_to_rgb``... but not ``size``,
            ``size_divisor`` and ``batch_augments``: sizes are the data pipelines' business.

    Raises:
        TypeError: If one of those three is given.
        ValueError: If the images of one domain differ in size, or a source label and its image do.
    """

    def __init__(self, **kwargs: Any) -> None:
        refused = {'size', 'size_divisor', 'batch_augments'} & {
            key for key, value in kwargs.items() if value is not None
        }
        if refused:
            raise TypeError(f'DomainDataPreprocessor takes no {sorted(refused)}: resize and crop in the data pipelines')
        super().__init__(**kwargs)

    def forward(self, data: dict[str, Any], training: bool = False) -> dict[str, Any]:
        """Batch a training pair, or hand anything else to ``SegDataPreProcessor``."""
        if 'source' not in data:
            return self._frames(data) if data['inputs'][0].ndim == 4 else super().forward(data, training)
        data = self.cast_data(data)
        return dict(source=self._source(data['source']), target=self._target(data['target']))

    def normalize(self, frames: Tensor) -> Tensor:
        """Turn frames (N, 3, H, W), RGB 0..255, into network input, as ``forward`` does with images from disk."""
        if not self._channel_conversion:
            frames = frames.flip(1)  # the network was trained on BGR
        return (frames - self.mean) / self.std if self._enable_normalize else frames

    def _source(self, source: dict[str, Any]) -> dict[str, Any]:
        images = _stack(source['inputs'], 'source images').float().flip(-3)
        samples = source['data_samples']
        batch = dict(labels=_labels(samples, images, 'source'), data_samples=samples)
        if images.ndim == 4:
            return dict(batch, inputs=self.normalize(images))
        return dict(batch, inputs=self.normalize(images[:, -1]), frames=images)

    def _frames(self, data: dict[str, Any]) -> dict[str, Any]:
        data = self.cast_data(data)
        frames = _stack(data['inputs'], 'frames')
        return dict(inputs=frames.float().flip(2), data_samples=data.get('data_samples'))

    def _target(self, target: dict[str, Any]) -> dict[str, Any]:
        frames = _stack(target['inputs'], 'target frames')
        samples = target.get('data_samples') or []
        batch = dict(frames=frames.float().flip(2), data_samples=samples)
        if any('gt_sem_seg' in sample for sample in samples):
            batch['labels'] = _labels(samples, frames, 'target')
        return batch


def _labels(samples: Sequence[Any], images: Tensor, domain: str) -> Tensor:
    """Stack the labels of a domain, (N, H, W) int64, of the images' size; the samples then hold views of them."""
    labels = _stack([sample.gt_sem_seg.data for sample in samples], f'{domain} labels')
    if labels.shape[-2:] != images.shape[-2:]:
        raise ValueError(
            f'{domain} images are {tuple(images.shape[-2:])} but their labels {tuple(labels.shape[-2:])} (H, W): '
            f'put the loading of labels before Resize in the {domain} pipeline'
        )
    labels = labels.long()
    for sample, label in zip(samples, labels):
        sample.gt_sem_seg = PixelData(data=label)
    return labels.squeeze(1)


def _stack(tensors: Sequence[Tensor], what: str) -> Tensor:
    sizes = {tuple(tensor.shape) for tensor in tensors}
    if len(sizes) > 1:
        raise ValueError(f'{what} of one batch differ in shape: {sorted(sizes)}; resize or crop them to one size')
    return tensors if isinstance(tensors, Tensor) else torch.stack(list(tensors))
