"""The mask of PSANet (Zhao et al., ECCV 2018), without a compiled operator."""

import torch
from torch import Tensor, nn

TYPES = ('collect', 'distribute')


def psa_mask(masks: Tensor, mask_size: tuple[int, int], distribute: bool = False) -> Tensor:
    """Lay the attention that each place predicts for its surroundings over the whole feature map.

    Args:
        masks: (N, Hm * Wm, H, W): at each place the attention of the Hm x Wm places around it, odd sides.
        mask_size: Hm and Wm.
        distribute: False: place (h, w) *collects* from (y, x), which is channel y * W + x. True: it *distributes* to
            them, and channels and places change their roles.

    Returns:
        (N, H * W, H, W), 0 where the surroundings do not reach. As ``mmcv.ops.PSAMask``.

    Raises:
        ValueError: If the channels are not Hm * Wm.

    Example:
        >>> masks = torch.tensor([10., 20., 30.]).view(1, 3, 1, 1).expand(1, 3, 1, 2)  # left, self, right
        >>> psa_mask(masks, (1, 3))[0, :, 0]  # rows: from where; columns: at which place
        tensor([[20., 10.],
                [30., 20.]])
    """
    count, channels, height, width = masks.shape
    if channels != mask_size[0] * mask_size[1]:
        raise ValueError(f'masks have {channels} channels, but mask_size is {mask_size}')
    rows, columns = (_offsets(size, side, masks.device) for size, side in zip((height, width), mask_size))
    row, column = torch.arange(height, device=masks.device), torch.arange(width, device=masks.device)
    inside_rows, inside_columns = ((each >= 0) & (each < side) for each, side in zip((rows, columns), mask_size))
    # axes: y, x, h, w
    index = (
        rows.clamp(0, mask_size[0] - 1)[:, None, :, None],
        columns.clamp(0, mask_size[1] - 1)[None, :, None, :],
        row[None, None, :, None],
        column[None, None, None, :],
    )
    laid = masks.view(count, *mask_size, height, width)[(slice(None), *index)]
    laid = laid * (inside_rows[:, None, :, None] & inside_columns[None, :, None, :])
    if distribute:
        laid = laid.permute(0, 3, 4, 1, 2)
    return laid.reshape(count, height * width, height, width)


def _offsets(size: int, side: int, device: torch.device) -> Tensor:
    """Where place y lies in the mask of place h: (y, h)."""
    places = torch.arange(size, device=device)
    return places[:, None] - places[None, :] + (side - 1) // 2


class PSAMask(nn.Module):
    """``psa_mask`` as a module, with the arguments of ``mmcv.ops.PSAMask``.

    Args:
        psa_type: 'collect' or 'distribute'.
        mask_size: Height and width of the surroundings.

    Raises:
        ValueError: If ``psa_type`` is unknown.
    """

    def __init__(self, psa_type: str, mask_size: tuple[int, int]) -> None:
        super().__init__()
        if psa_type not in TYPES:
            raise ValueError(f'psa_type must be one of {TYPES}, got {psa_type!r}')
        self.psa_type, self.mask_size = psa_type, tuple(mask_size)

    def forward(self, masks: Tensor) -> Tensor:
        """Lay out masks (N, Hm * Wm, H, W)."""
        return psa_mask(masks, self.mask_size, self.psa_type == 'distribute')  # type: ignore[arg-type]
