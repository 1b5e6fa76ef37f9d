"""Labels as pictures of one colour a class."""

import numpy as np

from i2vda_mmseg.errors import ConfigError
from i2vda_mmseg.fileio.images import read_image


def colours_to_ids(path: str, colours: tuple[tuple[int, int, int], ...]) -> np.ndarray:
    """Read a label of one colour a class as raw ids 0, 1, ... in the order of ``colours``: (H, W), uint8.

    Raises:
        ConfigError: If it holds another colour.
        OSError, ValueError: If it cannot be read.
    """
    shifts = np.array([16, 8, 0])
    codes = np.array(colours) << shifts
    order = np.argsort(codes.sum(axis=1))
    table = codes.sum(axis=1)[order]
    found = (read_image(path)[..., ::-1].astype(np.int64) << shifts).sum(axis=2)
    place = np.searchsorted(table, found).clip(max=len(table) - 1)
    if (wrong := table[place] != found).any():
        code = int(found[wrong][0])
        colour = (code >> 16, code >> 8 & 255, code & 255)
        raise ConfigError(
            f'label {path} holds the colour {colour} in {wrong.sum()} pixels, which is that of no class; use the '
            'labels as downloaded'
        )
    return order[place].astype(np.uint8)
