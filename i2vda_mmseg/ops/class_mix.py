"""Pictures made of two: by the classes of one of them, or with blocks hidden."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from .labels import IGNORE_INDEX, LABEL_VALUES


def class_mix_mask(labels: Tensor, order: Tensor) -> Tensor:
    """Choose half of the classes of a batch for each image, rounded up: ClassMix (Olsson et al., WACV 2021).

    The classes are those of the whole batch, and 255 counts as one, as in the released code of DACS. Nothing is drawn
    here and nobody waits for a GPU.

    Args:
        labels: (N, H, W), int64, 0..255.
        order: (N, 256), random numbers: of the classes that are there, an image takes those with the smallest.

    Returns:
        (N, H, W), bool: the pixels of the chosen classes.

    Example:
        >>> labels = torch.tensor([[[0, 1, 255]]])
        >>> class_mix_mask(labels, torch.arange(256.)[None])
        tensor([[[ True,  True, False]]])
    """
    present = torch.zeros(LABEL_VALUES, dtype=torch.bool, device=labels.device)
    present = present.scatter(0, labels.flatten(), torch.ones_like(labels.flatten(), dtype=torch.bool))
    wanted = (present.sum() + 1) // 2
    chosen = _chosen(present, order, wanted)
    return chosen.gather(1, labels.flatten(1)).view(labels.shape)


def class_share_mask(labels: Tensor, order: Tensor, share: float = 0.75) -> Tensor:
    """Choose a share of the classes of each image, rounded: the moving objects that CMOM pastes (WACV 2023).

    255 is no class and never chosen. Nothing is drawn here and nobody waits for a GPU.

    Args:
        labels: (N, H, W), int64, 0..255.
        order: (N, 256), random numbers: of the classes of an image, those with the smallest are chosen.
        share: In [0, 1]; a half is rounded to the even number.

    Returns:
        (N, H, W), bool: the pixels of the chosen classes.

    Example:
        >>> class_share_mask(torch.tensor([[[0, 1, 2, 255]]]), torch.arange(256.)[None], share=0.5)
        tensor([[[ True,  True, False, False]]])
    """
    present = _present(labels)
    wanted = (present.sum(dim=1, keepdim=True) * share).round()
    return _chosen(present, order, wanted).gather(1, labels.flatten(1)).view(labels.shape)


def class_number_mask(labels: Tensor, order: Tensor, number: int = 2, always: Sequence[int] = ()) -> Tensor:
    """Choose some classes of each image, and certain others wherever they are: what QuadMix pastes (TPAMI 2025).

    255 is no class and never chosen. Nothing is drawn here and nobody waits for a GPU.

    Args:
        labels: (N, H, W), int64, 0..255.
        order: (N, 256), random numbers: of the classes of an image, those with the smallest are chosen.
        number: How many of the classes that are not in ``always``; all of them where there are fewer.
        always: Classes that are chosen in every image.

    Returns:
        (N, H, W), bool: the pixels of the chosen classes.

    Example:
        >>> class_number_mask(torch.tensor([[[0, 1, 2, 255]]]), torch.arange(256.)[None], number=1, always=[2])
        tensor([[[ True, False,  True, False]]])
    """
    present = _present(labels)
    certain = torch.zeros_like(present)
    for index in always:
        certain[:, index] = present[:, index]
    chosen = certain | _chosen(present & ~certain, order, number)
    return chosen.gather(1, labels.flatten(1)).view(labels.shape)


def _present(labels: Tensor) -> Tensor:
    """Tell which classes each image shows: (N, 256), bool; never 255."""
    present = torch.zeros(len(labels), LABEL_VALUES, dtype=torch.bool, device=labels.device)
    present = present.scatter(1, labels.flatten(1), torch.ones_like(labels.flatten(1), dtype=torch.bool))
    present[:, IGNORE_INDEX] = False
    return present


def _chosen(present: Tensor, order: Tensor, wanted: Tensor | int) -> Tensor:
    """Take ``wanted`` of the classes ``present`` (256,) or (N, 256), those of the smallest numbers: (N, 256)."""
    place = order.masked_fill(~present, float('inf')).argsort(dim=1).argsort(dim=1)
    return (place < wanted) & present


def mixed(mask: Tensor, first: Tensor, second: Tensor) -> Tensor:
    """Take ``first`` where ``mask`` (N, H, W) is True, and ``second`` elsewhere; both (N, H, W) or (N, C, H, W)."""
    return torch.where(mask[:, None] if first.ndim == 4 else mask, first, second)


def visible_blocks(numbers: Tensor, size: tuple[int, int], ratio: float = 0.7) -> Tensor:
    """Hide square blocks of a picture: the mask of MIC (Hoyer et al., CVPR 2023, Eq. 4).

    Args:
        numbers: (N, rows, columns), uniform in [0, 1), one a block.
        size: (H, W) of the picture.
        ratio: Share of hidden blocks.

    Returns:
        (N, 1, H, W), float32: 1 where visible, which a block is if its number exceeds ``ratio``.

    Example:
        >>> visible_blocks(torch.tensor([[[0.9, 0.2]]]), size=(1, 4))
        tensor([[[[1., 1., 0., 0.]]]])
    """
    return F.interpolate((numbers > ratio).float()[:, None], size=size, mode='nearest')
