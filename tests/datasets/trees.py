"""Small trees in the layouts of the data sets, for the tests."""

from collections.abc import Iterable
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

HEIGHT, WIDTH = 8, 12


def image(seed: int = 0, height: int = HEIGHT, width: int = WIDTH) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def raw_label(ids: Iterable[int], seed: int = 0, height: int = HEIGHT, width: int = WIDTH) -> np.ndarray:
    """A label that holds every id at least once."""
    ids = np.fromiter(ids, np.uint8)
    return np.random.default_rng(seed).permutation(np.resize(ids, height * width)).reshape(height, width)


def write_image(path: Path, pixels: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels[..., ::-1]).save(path)


def write_index_label(path: Path, ids: np.ndarray, with_palette: bool = False) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    label = Image.fromarray(ids.astype(np.uint8))
    if with_palette:
        label.putpalette(np.random.default_rng(0).integers(0, 256, 768).tolist())
    label.save(path)


def write_red_label(path: Path, ids: np.ndarray, dtype: type = np.uint16) -> None:
    """Raw ids in red, instances in green, as SYNTHIA has them."""
    path.parent.mkdir(parents=True, exist_ok=True)
    instances = np.arange(ids.size).reshape(ids.shape) % 200
    cv2.imwrite(str(path), np.stack([np.zeros_like(ids), instances, ids], axis=-1).astype(dtype))


def viper(root: Path, names: Iterable[str] = ('001/001_00010', '001/001_00020', '002/002_00010')) -> Path:
    for seed, name in enumerate(names):
        write_image(root / f'train/img/{name}.jpg', image(seed))
        write_index_label(root / f'train/cls/{name}.png', raw_label(range(32), seed), with_palette=True)
    return root


def synthia(root: Path, count: int = 3, rearranged: bool = False) -> Path:
    images = root / ('rgb' if rearranged else 'RGB/Stereo_Left/Omni_F')
    labels = root / ('label' if rearranged else 'GT/LABELS/Stereo_Left/Omni_F')
    for number in range(count):
        write_image(images / f'{number:06d}.png', image(number))
        write_red_label(labels / f'{number:06d}.png', raw_label(range(16), number))
    return root


def frame_name(number: int, city: str = 'ulm', sequence: int = 0) -> str:
    return f'{city}/{city}_{sequence:06d}_{number:06d}'


def frame_path(root: Path, name: str, split: str = 'train') -> Path:
    return root / f'leftImg8bit_sequence/{split}/{name}_leftImg8bit.png'


def label_path(root: Path, name: str, split: str = 'train') -> Path:
    return root / f'gtFine/{split}/{name}_gtFine_labelIds.png'


def cityscapes(root: Path, frames: Iterable[str], labelled: Iterable[str] = (), split: str = 'train') -> Path:
    for seed, name in enumerate(frames):
        write_image(frame_path(root, name, split), image(seed))
    for seed, name in enumerate(labelled):
        write_index_label(label_path(root, name, split), raw_label([*range(34), 255], seed))
    return root
