"""Textures painted on the surfaces themselves, so that they move exactly with them."""

from functools import lru_cache

import cv2
import numpy as np

# Texels per metre of the finer of two octaves, and contrast.
MATERIALS: dict[str, tuple[float, float]] = {
    'smooth': (8.0, 0.02),
    'paint': (5.0, 0.07),
    'cloth': (22.0, 0.14),
    'wall': (9.0, 0.10),
    'ground': (7.0, 0.11),
    'foliage': (9.0, 0.24),
    'clouds': (0.02, 0.06),
}
_TILE = 256
_COARSE = 0.21  # size of the coarser octave's detail relative to the finer's; no simple ratio, so that tiles differ


@lru_cache(maxsize=1)
def _tile() -> np.ndarray:
    """Smooth noise (257, 257) of zero mean and unit deviation that repeats every 256 texels."""
    noise = np.random.default_rng(20220710).standard_normal((_TILE, _TILE)).astype(np.float32)
    smooth = cv2.GaussianBlur(np.tile(noise, (3, 3)), (0, 0), 1.1)[_TILE : 2 * _TILE + 1, _TILE : 2 * _TILE + 1]
    return (smooth - smooth[:-1, :-1].mean()) / smooth[:-1, :-1].std()


def texture_field(uv: np.ndarray, footprint: np.ndarray, surfaces: np.ndarray, materials: np.ndarray) -> np.ndarray:
    """Relative brightness of the textures: (H, W), float32, about zero.

    Args:
        uv: (2, H, W), float32, surface coordinates in metres.
        footprint: (H, W), float32, metres of surface that one pixel covers; detail finer than that is faded out, or it
            would flicker as the camera moves.
        surfaces: (H, W), int, surface of each pixel.
        materials: (S,), int, material of each surface.
    """
    table = np.array(list(MATERIALS.values()), np.float32)[materials]
    # Every surface reads the tile from another place, so that two walls do not look alike.
    offsets = (np.arange(len(materials), dtype=np.float32)[:, None] * np.array([73.7, 41.3], np.float32)) % _TILE
    per_pixel = np.concatenate([table, offsets], axis=1)[surfaces]
    scale, contrast = per_pixel[..., 0], per_pixel[..., 1]
    field = np.zeros(surfaces.shape, np.float32)
    for ratio, weight in ((1.0, 1.0), (_COARSE, 0.7)):
        texels = scale * ratio
        x = np.mod(uv[0] * texels + per_pixel[..., 2], _TILE)
        y = np.mod(uv[1] * texels + per_pixel[..., 3], _TILE)
        octave = cv2.remap(_tile(), x, y, cv2.INTER_LINEAR)
        field += weight * octave / (1.0 + np.square(footprint * texels * 0.8))
    return field * contrast
