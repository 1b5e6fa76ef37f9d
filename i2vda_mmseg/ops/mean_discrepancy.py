"""How far apart two domains are in what a network says of each class."""

import torch
from torch import Tensor


def class_means(x: Tensor, labels: Tensor, num_classes: int) -> tuple[Tensor, Tensor]:
    """Average a map over the pixels of each class.

    In the precision of ``x``, also where mixed precision would multiply matrices in another. Nobody waits for a GPU.

    Args:
        x: (N, D, h, w), floating point: logits, features.
        labels: (N, h, w), int64; labels that are no class, such as 255, count nowhere.
        num_classes: C.

    Returns:
        Means (C, D), 0 of a class without a pixel, differentiable with respect to ``x``; and which classes have one,
        (C,), bool.

    Example:
        >>> means, present = class_means(torch.tensor([[[[1., 3., 8.]]]]), torch.tensor([[[0, 0, 255]]]), num_classes=2)
        >>> means.flatten(), present
        (tensor([2., 0.]), tensor([ True, False]))
    """
    members = labels.flatten() == torch.arange(num_classes, device=labels.device)[:, None]  # (C, N h w)
    counts = members.sum(dim=1)
    with torch.autocast(x.device.type, enabled=False):
        sums = members.to(x.dtype) @ x.movedim(1, 3).flatten(0, 2)
    return sums / counts.clamp(min=1)[:, None], counts > 0


def mean_discrepancy(x: Tensor, y: Tensor, counted: Tensor, kernels: int = 5, factor: float = 2.0) -> Tensor:
    """Maximum mean discrepancy of two sets of vectors, squared, with Gaussian kernels of several widths.

    ``mean_ij [k(x_i, x_j) + k(y_i, y_j) - k(x_i, y_j) - k(y_i, x_j)]`` (Gretton et al., JMLR 2012, Eq. 5), where ``k``
    is the sum of ``exp(-|a - b|^2 / s)`` over widths s (Long et al., ICML 2015). The widths are the mean squared
    distance of two different vectors of both sets, times ``factor`` to the powers around 0: 1/4, 1/2, 1, 2, 4 for five.
    They are taken as constants. Nobody waits for a GPU.

    Args:
        x: (n, D), floating point.
        y: (n, D).
        counted: (n,), bool: the rows that count, in both sets.
        kernels: Number of widths, at least 1.
        factor: From one width to the next, above 1.

    Returns:
        A scalar, at least 0, and 0 for equal sets, up to rounding; without a row that counts, 0 with a gradient of 0.

    Example:
        >>> x = torch.tensor([[0.0], [2.0]])
        >>> mean_discrepancy(x, x, torch.tensor([True, True]))
        tensor(0.)
    """
    both = torch.cat((x, y))
    weights = counted.to(both.dtype).repeat(2)
    pairs = weights[:, None] * weights
    distances = (both[:, None] - both).square().sum(dim=2)
    total = weights.sum()
    width = (distances.detach() * pairs).sum() / (total * (total - 1)).clamp(min=1)
    width = (width * factor ** -(kernels // 2)).clamp(min=torch.finfo(both.dtype).tiny)
    kernel = torch.stack([(-distances / (width * factor**i)).exp() for i in range(kernels)]).sum(dim=0) * pairs
    within_x, across, back, within_y = (block for rows in kernel.chunk(2) for block in rows.chunk(2, dim=1))
    return (within_x + within_y - across - back).sum() / counted.sum().clamp(min=1) ** 2
