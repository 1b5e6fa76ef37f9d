"""File names and encodings of the three data sets.

Beside what the data sets have themselves there is ``cityscapes/flow/{split}/{city}/``, written on request. It holds
four files for every two consecutive frames X and Y = X + 1 of a clip, named after the later one, Y:

- ``{city}_{seq}_{Y}_F01.flo``: flow from X to Y, on X's grid, and ``..._F01_visible.png``: 255 where the point is
  visible in Y, 0 elsewhere
- ``{city}_{seq}_{Y}_F10.flo``: flow from Y to X, on Y's grid, and ``..._F10_visible.png``
"""

from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from i2vda_mmseg.datasets.class_spaces import VIPER_RAW_IDS
from i2vda_mmseg.fileio.atomic import atomic_file
from i2vda_mmseg.fileio.images import write_image
from i2vda_mmseg.flow.formats import write_flo

from .clip import LABELLED_TIME
from .frame import Frame, exact_flow

CITIES = {'train': 'streetville', 'val': 'roadburg'}
VIPER_IMAGES_PER_SEQUENCE = 100
VIPER_LARGEST = VIPER_IMAGES_PER_SEQUENCE * 77  # VIPER numbers its training sequences 001 to 077
SYNTHIA_LARGEST = 10**6
_JPEG = [cv2.IMWRITE_JPEG_QUALITY, 95]
_PNG_FAST = [cv2.IMWRITE_PNG_COMPRESSION, 1]


def write_viper(root: Path, index: int, frame: Frame) -> None:
    """Write image number ``index`` of ``<root>/viper``: a JPEG and a palette-indexed PNG of raw ids."""
    image = _viper_image(root, index)
    write_image(image, frame.rgb, _JPEG)
    labels = Image.fromarray(frame.labels('viper')).convert('P')
    labels.putpalette(_viper_palette())
    path = image.parents[2] / 'cls' / image.parent.name / f'{image.stem}.png'
    with atomic_file(path) as draft:
        labels.save(draft, 'PNG')


def write_viper_pair(root: Path, index: int, previous: Frame, frame: Frame) -> None:
    """Write image number ``index`` of ``<root>/viper``, and the frame before it without a label, as in VIPER."""
    write_viper(root, index, frame)
    path = _viper_image(root, index, offset=-1)
    write_image(path, previous.rgb, _JPEG)


def write_synthia(root: Path, index: int, frame: Frame) -> None:
    """Write image number ``index`` of ``<root>/synthia``: an RGB PNG, and raw ids in the red channel of 16 bits."""
    base, name = root / 'synthia' / 'SEQS-04-DAWN', f'{index:06d}.png'
    write_image(base / 'RGB' / 'Stereo_Left' / 'Omni_F' / name, frame.rgb, _PNG_FAST)
    raw = frame.labels('synthia').astype(np.uint16)
    # Planar surfaces stand in for instances in the green channel, which no class table reads.
    labels = np.stack([raw, frame.surfaces.astype(np.uint16), np.zeros_like(raw)], axis=-1)
    write_image(base / 'GT' / 'LABELS' / 'Stereo_Left' / 'Omni_F' / name, labels, _PNG_FAST)


def write_cityscapes_frame(root: Path, split: str, clip: int, frame: Frame) -> None:
    """Write one frame of a clip of ``<root>/cityscapes``, and its label map if Cityscapes would label it."""
    base, name = root / 'cityscapes', _cityscapes_name(split, clip, frame.time)
    path = base / 'leftImg8bit_sequence' / split / CITIES[split] / f'{name}_leftImg8bit.png'
    write_image(path, frame.rgb, _PNG_FAST)
    if frame.time == LABELLED_TIME:
        path = base / 'gtFine' / split / CITIES[split] / f'{name}_gtFine_labelIds.png'
        write_image(path, frame.labels('cityscapes'), _PNG_FAST)


def write_exact_flow(root: Path, split: str, clip: int, previous: Frame, frame: Frame) -> None:
    """Write F_01 and F_10 between a frame and the one before, and where their points are visible."""
    folder = root / 'cityscapes' / 'flow' / split / CITIES[split]
    name = _cityscapes_name(split, clip, frame.time)
    for direction, frame_a, frame_b in (('F01', previous, frame), ('F10', frame, previous)):
        flow, visible = exact_flow(frame_a, frame_b)
        write_flo(folder / f'{name}_{direction}.flo', flow)
        write_image(folder / f'{name}_{direction}_visible.png', visible.astype(np.uint8) * 255, _PNG_FAST)


def _cityscapes_name(split: str, clip: int, time: int) -> str:
    return f'{CITIES[split]}_{clip:06d}_{time:06d}'


def _viper_image(root: Path, index: int, offset: int = 0) -> Path:
    """Where image number ``index`` is, or the frame ``offset`` frames later."""
    sequence, position = divmod(index, VIPER_IMAGES_PER_SEQUENCE)
    folder = f'{sequence + 1:03d}'
    return root / 'viper' / 'train' / 'img' / folder / f'{folder}_{10 * (position + 1) + offset:05d}.jpg'


def _viper_palette() -> list[int]:
    """A distinct colour for each of the 32 raw ids."""
    ids = np.arange(len(VIPER_RAW_IDS))
    return np.stack([(ids * 67 + 40) % 256, (ids * 149 + 80) % 256, (ids * 29 + 120) % 256], axis=1).ravel().tolist()
