"""Features of the target that stay near those of the source, class by class."""

from collections.abc import Sequence

import torch
from mmengine.dist import all_gather
from torch import Tensor, nn

from i2vda_mmseg.errors import ConfigError
from i2vda_mmseg.ops import class_means, nearest_distance


class PrototypeAlignment(nn.Module):
    """Bring the mean feature of each class near its nearest prototype (CMOM, Cho et al., WACV 2023).

    Prototypes are mean features of a class in one source image; the last ``size`` of each class are kept, in buffers
    that a checkpoint stores, and are the same on every rank. Nobody waits for a GPU.

    Args:
        num_classes: C.
        channels: D, of the feature map.
        stuff_classes: Classes whose distances are averaged as ``loss_stuff``; those of the rest as ``loss_things``.
        size: Prototypes a class.

    Attributes:
        prototypes: (C, size, D), float32.
        count: (C,), int64: how many there have been.

    Raises:
        ConfigError: If one of ``stuff_classes`` is none of the classes, or ``size`` is not positive.
    """

    prototypes: Tensor
    count: Tensor
    is_stuff: Tensor

    def __init__(self, num_classes: int, channels: int, stuff_classes: Sequence[int], size: int = 50) -> None:
        super().__init__()
        if wrong := [index for index in stuff_classes if index not in range(num_classes)]:
            raise ConfigError(f'model.stuff_classes: {wrong} are no indices of the {num_classes} classes')
        if size < 1:
            raise ConfigError(f'model.num_prototypes: must be at least 1, got {size}; stuff_classes=None is none')
        self.num_classes = num_classes
        self.register_buffer('prototypes', torch.zeros(num_classes, size, channels))
        self.register_buffer('count', torch.zeros(num_classes, dtype=torch.int64))
        is_stuff = torch.tensor([index in set(stuff_classes) for index in range(num_classes)])
        self.register_buffer('is_stuff', is_stuff, persistent=False)

    @torch.no_grad()
    def remember(self, features: Tensor, labels: Tensor) -> None:
        """Add the prototypes of source images, those of all ranks.

        Args:
            features: (N, D, h, w).
            labels: (N, h, w), int64, 255 where a pixel does not count.
        """
        each = [class_means(x[None].float(), y[None], self.num_classes) for x, y in zip(features, labels)]
        means, present = (torch.stack(list(parts)) for parts in zip(*each))
        for rank_means, rank_present in zip(all_gather(means), all_gather(present.to(means.dtype))):
            for of_image, shown in zip(rank_means, rank_present > 0):
                self._add(of_image, shown)

    def forward(self, features: Tensor, labels: Tensor) -> dict[str, Tensor]:
        """Give ``loss_stuff`` and ``loss_things``: mean distances of the classes that a target batch shows.

        Args:
            features: (N, D, h, w).
            labels: (N, h, w), int64, 255 where a pixel does not count.

        Returns:
            Two scalars; 0, with a gradient of 0, where no class counts.
        """
        means, present = class_means(features.float(), labels, self.num_classes)
        filled = self._slots() < self.count[:, None]
        distances = nearest_distance(means, self.prototypes, filled)
        counted = present & (self.count > 0)
        groups = dict(loss_stuff=counted & self.is_stuff, loss_things=counted & ~self.is_stuff)
        return {name: (distances * group).sum() / group.sum().clamp(min=1) for name, group in groups.items()}

    def _add(self, means: Tensor, present: Tensor) -> None:
        """Put (C, D) in the place of the oldest, of classes that are ``present`` (C,)."""
        size = self.prototypes.shape[1]
        is_oldest = present[:, None] & (self._slots() == (self.count % size)[:, None])
        self.prototypes.copy_(torch.where(is_oldest[..., None], means[:, None], self.prototypes))
        self.count.add_(present)

    def _slots(self) -> Tensor:
        return torch.arange(self.prototypes.shape[1], device=self.count.device)
