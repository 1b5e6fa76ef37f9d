"""Pieces of source images that show rare classes, for methods that paste them elsewhere."""

from collections.abc import Callable
from typing import Any

import torch
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample

from i2vda_mmseg.errors import ConfigError
from i2vda_mmseg.ops import IGNORE_INDEX

from .rare_class_sampling import RareClassSampling


class RareClassPatches(RareClassSampling):
    """Draws a class, then an image that shows it, and cuts the class out, several times (QuadMix, TPAMI 2025).

    The draws are those of ``RareClassSampling``, from the classes' shares of all pixels, each from the images that are
    known to show the class: a fixed number of reads, where the released code opens images until one has it. The patches
    of a sample lie in one picture, each where it was in its image, later ones on top.

    Args:
        dataset: The built source data set, labelled.
        number: Patches a sample.
        temperature: As in ``RareClassSampling``.
        min_pixels: As in ``RareClassSampling``.

    Raises:
        ConfigError: If there is no patch to draw, or a number is out of range.
    """

    key = 'rare_patches'

    def __init__(self, dataset: Any, number: int = 3, temperature: float = 0.01, min_pixels: int = 3000) -> None:
        super().__init__(dataset, temperature, min_pixels)
        if number < 1:
            raise ConfigError(f'rare_patches.number: must be at least 1, got {number}; rare_patches=None is none')
        self.number = number

    def patches(self, read: Callable[[int], dict]) -> dict[str, Any]:
        """Draw, read and cut.

        Args:
            read: Gives the source sample of an index, ``dict(inputs, data_samples)``; of several frames the last one
                counts.

        Returns:
            ``dict(inputs=(3, H, W), data_samples)`` with labels, 255 where there is no patch.

        Raises:
            ConfigError: If source images differ in size.
        """
        image = labels = None
        for _ in range(self.number):
            wanted, index = self.draw()
            sample = read(index)
            its_labels = sample['data_samples'].gt_sem_seg.data
            its_image = sample['inputs'].view(-1, *sample['inputs'].shape[-3:])[-1]
            if image is None or labels is None:
                image, labels = torch.zeros_like(its_image), torch.full_like(its_labels, IGNORE_INDEX)
            if its_image.shape != image.shape:
                raise ConfigError(
                    f'rare_patches: patches of a sample lie in one picture, but source images are '
                    f'{tuple(image.shape[1:])} and {tuple(its_image.shape[1:])} (H, W); resize or crop them to one size'
                )
            is_patch = its_labels == wanted
            image, labels = torch.where(is_patch, its_image, image), torch.where(is_patch, its_labels, labels)
        return dict(inputs=image, data_samples=SegDataSample(gt_sem_seg=PixelData(data=labels)))
