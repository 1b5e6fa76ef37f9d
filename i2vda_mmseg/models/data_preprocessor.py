"""From samples of two domains to tensors on the device."""

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
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
        patches: of ``rare_patches`` of the data set, where it has them, like a source of single images

    Frames may be more than two, (N, T, 3, H, W) in order of time. A source of frames has them raw as ``frames``, beside
    the ``inputs`` of the last one, which is the labelled one. At test time frames become ``dict(inputs=(N, T, 3, H, W)
    float32, RGB 0..255; data_samples)``.

    The target stays raw because the flow estimator and Eq. 3 work on RGB 0..255; ``normalize`` makes network input of
    any such frame.

    Images of one domain that differ in size, as those of ``RandomResize`` and ``RandomCrop``, are padded as mmseg's
    preprocessor does it, on the right and below: to ``size``, to a multiple of ``size_divisor``, or, where neither is
    given, to the largest of the batch. So are labels, flow and whatever else the samples carry.

    Args:
        **kwargs: Those of ``SegDataPreProcessor``: ``mean``, ``std``, ``bgr_to_rgb``, ``size`` (H, W) or
            ``size_divisor``, ``pad_val`` (after normalisation), ``seg_pad_val``... but not ``batch_augments``.

    Raises:
        TypeError: If ``batch_augments`` are given.
        ValueError: If both sizes are given; if a label and its image differ in size; or frames to test on.
    """

    def __init__(self, **kwargs: Any) -> None:
        if kwargs.get('batch_augments') is not None:
            raise TypeError('DomainDataPreprocessor takes no batch_augments: augment in the data pipelines')
        super().__init__(**kwargs)
        if self.size is not None and self.size_divisor is not None:
            raise ValueError('data_preprocessor: give size or size_divisor, not both')
        self._non_blocking = True  # a copy from pinned memory goes on while the program prepares the next step

    def forward(self, data: dict[str, Any], training: bool = False) -> dict[str, Any]:
        """Batch a training pair, or hand anything else to ``SegDataPreProcessor``."""
        if 'source' not in data:
            return self._frames(data) if data['inputs'][0].ndim == 4 else super().forward(data, training)
        data = self.cast_data(data)
        batch = dict(source=self._source(data['source']), target=self._target(data['target']))
        return dict(batch, patches=self._source(data['patches'])) if 'patches' in data else batch

    def normalize(self, frames: Tensor) -> Tensor:
        """Turn frames (N, 3, H, W), RGB 0..255, into network input, as ``forward`` does with images from disk."""
        if not self._channel_conversion:
            frames = frames.flip(1)  # the network was trained on BGR
        return (frames - self.mean) / self.std if self._enable_normalize else frames

    def denormalize(self, images: Tensor) -> Tensor:
        """Turn network input back into frames (N, 3, H, W), RGB 0..255."""
        frames = images * self.std + self.mean if self._enable_normalize else images
        return frames if self._channel_conversion else frames.flip(1)

    def _source(self, source: dict[str, Any]) -> dict[str, Any]:
        samples = source['data_samples']
        images = self._stacked(source['inputs'], samples, 'source images')
        batch = dict(labels=_labels(samples, 'source'), data_samples=samples)
        if images.ndim == 4:
            return dict(batch, inputs=self.normalize(images))
        return dict(batch, inputs=self.normalize(images[:, -1]), frames=images)

    def _frames(self, data: dict[str, Any]) -> dict[str, Any]:
        data = self.cast_data(data)
        samples = data.get('data_samples')
        return dict(inputs=self._stacked(data['inputs'], [], 'frames', pad=False), data_samples=samples)

    def _target(self, target: dict[str, Any]) -> dict[str, Any]:
        samples = target.get('data_samples') or []
        batch = dict(frames=self._stacked(target['inputs'], samples, 'target frames'), data_samples=samples)
        if any('gt_sem_seg' in sample for sample in samples):
            batch['labels'] = _labels(samples, 'target')
        return batch

    def _stacked(self, images: Sequence[Tensor], samples: Sequence[Any], what: str, pad: bool = True) -> Tensor:
        """Turn images (..., 3, h, w), BGR, into one tensor (N, ..., 3, H, W), RGB 0..255; pads their samples too."""
        sizes = [tuple(image.shape[-2:]) for image in images]
        size = self._common_size(sizes) if pad else sizes[0]
        if not pad and any(each != size for each in sizes):
            raise ValueError(
                f'{what} of one batch differ in shape: {sorted({tuple(image.shape) for image in images})}; resize or '
                "crop them to one size, or pad them with the transform dict(type='Pad', size=(W, H))"
            )
        for image, sample in zip(images, samples):
            _check_label(sample, image, what)
        for sample, each in zip(samples, sizes):
            if each != size:
                self._pad_sample(sample, size)
            padding = [0, size[1] - each[1], 0, size[0] - each[0]]  # left, right, top, bottom, as in mmseg
            sample.set_metainfo(dict(img_shape=each, pad_shape=tuple(size), padding_size=padding))
        return torch.stack([self._padded(image.float().flip(-3), size) for image in images])

    def _common_size(self, sizes: Sequence[tuple[int, ...]]) -> tuple[int, ...]:
        largest = tuple(max(sides) for sides in zip(*sizes))
        if self.size is not None:
            return tuple(max(sides) for sides in zip(largest, self.size))
        divisor = self.size_divisor or 1
        return tuple(-(-side // divisor) * divisor for side in largest)

    def _padded(self, frame: Tensor, size: tuple[int, ...]) -> Tensor:
        """Pad an RGB frame (..., 3, h, w) with the colour that ``pad_val`` is before normalisation."""
        height, width = frame.shape[-2:]
        if (height, width) == tuple(size):
            return frame
        colour = torch.full((3, 1, 1), float(self.pad_val), device=frame.device)
        if self._enable_normalize:
            colour = colour * self.std + self.mean
        colour = colour if self._channel_conversion else colour.flip(0)  # the network's order is BGR
        padded = colour.expand(*frame.shape[:-2], *size).clone()
        padded[..., :height, :width] = frame
        return padded

    def _pad_sample(self, sample: Any, size: tuple[int, ...]) -> None:
        """Pad the data of a sample: labels with ``seg_pad_val``, frames like the images, all else with 0."""
        for name, field in sample.items():
            if not isinstance(field, PixelData):
                continue
            data = field.data
            height, width = data.shape[-2:]
            if name.startswith('frame'):
                data = self._padded(data.float(), size)
            else:
                value = self.seg_pad_val if name.startswith('gt_') and data.shape[0] == 1 else 0
                data = F.pad(data, (0, size[1] - width, 0, size[0] - height), value=value)
            sample.set_field(PixelData(data=data), name)


def _check_label(sample: Any, image: Tensor, what: str) -> None:
    """Refuse a label of another size than its image, before either is padded."""
    label = sample.gt_sem_seg.data if 'gt_sem_seg' in sample else image
    if label.shape[-2:] != image.shape[-2:]:
        domain = what.partition(' ')[0]
        raise ValueError(
            f'{domain} images are {tuple(image.shape[-2:])} but their labels {tuple(label.shape[-2:])} (H, W): '
            f'put the loading of labels before Resize in the {domain} pipeline'
        )


def _labels(samples: Sequence[Any], domain: str) -> Tensor:
    """Stack the labels of a domain, (N, H, W) int64; the samples then hold views of them."""
    missing = [sample for sample in samples if 'gt_sem_seg' not in sample]
    if missing:
        raise ValueError(f'{len(missing)} of {len(samples)} {domain} samples of the batch carry no labels (gt_sem_seg)')
    labels = torch.stack([sample.gt_sem_seg.data for sample in samples]).long()
    for sample, label in zip(samples, labels):
        sample.gt_sem_seg = PixelData(data=label)
    return labels.squeeze(1)
