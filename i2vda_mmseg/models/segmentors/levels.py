"""The levels at which a segmentor predicts: the last feature map alone, or an earlier one beside it."""

from torch import Tensor

LEVELS = ('main', 'aux')


def by_level(output: Tensor | tuple[Tensor, ...]) -> dict[str, Tensor]:
    """Name the maps that a segmentor returns: 'main', and 'aux' where it has an auxiliary head."""
    return dict(zip(LEVELS, (output,) if isinstance(output, Tensor) else output))


def term(name: str, level: str) -> str:
    """Name a loss term of a level as it is logged.

    Example:
        >>> term('loss_seg', 'main'), term('loss_seg', 'aux')
        ('loss_seg', 'loss_seg_aux')
    """
    return name if level == 'main' else f'{name}_{level}'
