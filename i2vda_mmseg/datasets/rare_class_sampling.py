"""Source images in which rare classes are seen more often than they are there."""

from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from i2vda_mmseg.errors import ConfigError
from i2vda_mmseg.ops import rare_class_probabilities

from .class_counts import class_counts


class RareClassSampling:
    """Draws a class, then an image that shows it (DAFormer, Hoyer et al., CVPR 2022, Sec. 3.4).

    A class is drawn with probability ``softmax((1 - share) / temperature)``, of the classes that an image shows with
    more than ``min_pixels``; then one of those images, all alike. Where its pipeline crops at random, it runs again
    until the crop shows the class too; the last try is kept. Draws come from NumPy's global generator, which
    ``DomainPairDataset`` seeds for each sample.

    Args:
        dataset: The built source data set, labelled.
        temperature: T; 0.01 in DAFormer.
        min_pixels: Pixels of the class that an image needs, at the size of its file; 3000 in DAFormer.
        min_crop_pixels: Pixels of the class that a crop needs, at the size that the network sees; 1500 in DAFormer,
            6000 in HRDA. None: whatever the pipeline gives.
        tries: Number of crops at most.

    Raises:
        ConfigError: If no image shows any class with more than ``min_pixels``, or a number is out of range.
    """

    key: ClassVar[str] = 'rare_class_sampling'  # of the data set's config

    def __init__(
        self,
        dataset: Any,
        temperature: float = 0.01,
        min_pixels: int = 3000,
        min_crop_pixels: int | None = None,
        tries: int = 10,
    ) -> None:
        if temperature <= 0 or tries < 1:
            raise ConfigError(
                f'{self.key}: temperature must be positive and tries at least 1, got {temperature}, {tries}'
            )
        self.dataset = dataset
        self.temperature = temperature
        self.min_pixels = min_pixels
        self.min_crop_pixels = min_crop_pixels
        self.tries = tries

    @cached_property
    def counts(self) -> np.ndarray:
        """Pixels of each class in each image, (images, classes)."""
        return class_counts(self.dataset, self.key)

    @cached_property
    def images(self) -> dict[int, np.ndarray]:
        """Indices of the images that show a class, by class; without those that none shows."""
        shown = self.counts > self.min_pixels
        images = {index: np.flatnonzero(column) for index, column in enumerate(shown.T) if column.any()}
        if not images:
            raise ConfigError(
                f'{self.key}.min_pixels: no image shows a class with more than {self.min_pixels} pixels; '
                'lower it: it counts pixels of the label files'
            )
        return images

    @cached_property
    def probabilities(self) -> np.ndarray:
        """Chance of each class of ``images``."""
        totals = self.counts.sum(axis=0)
        share = totals[list(self.images)] / totals.sum()
        return rare_class_probabilities(share.tolist(), self.temperature).numpy()

    def draw(self) -> tuple[int, int]:
        """Draw a class and the index of an image that shows it."""
        wanted = int(np.random.choice(list(self.images), p=self.probabilities))  # noqa: NPY002 - the seeded generator
        return wanted, int(np.random.choice(self.images[wanted]))  # noqa: NPY002

    def sample(self, read: Any) -> dict:
        """Draw and read a sample: ``read(dataset, index)`` gives ``dict(inputs, data_samples)``."""
        wanted, index = self.draw()
        for _ in range(self.tries):
            sample = read(self.dataset, index)
            if self.min_crop_pixels is None:
                break
            if int((sample['data_samples'].gt_sem_seg.data == wanted).sum()) > self.min_crop_pixels:
                break
        return sample
