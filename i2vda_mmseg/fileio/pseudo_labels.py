"""Pseudo-labels on disk: one place that knows their names and formats.

Below the folder of a labelling, ``<city>/<frame>.png`` holds the class indices of a frame, uint8 with 255 = ignored,
and ``<city>/<frame>.npz``, where there are soft labels, their array ``soft_label``: (C, H, W), uint8, probabilities in
steps of 1/255, all zeros where a pixel has none. ``rare_classes.json`` lists the classes that are rarely predicted.
"""

import io
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from .atomic import atomic_file, write_atomically
from .images import read_index_label, write_image
from .reading import ADVICE, MAX_BYTES, read_bytes

RARE_CLASSES = 'rare_classes.json'


def pseudo_label_infos(root: str | None, names: Sequence[str]) -> list[dict]:
    """What the samples of frames (``<city>/<frame>``) know of their pseudo-labels; nothing where there is no root."""
    if root is None:
        return [{} for _ in names]
    rare_classes = read_rare_classes(root)
    return [{'pseudo_label_path': f'{root}/{name}.png', 'rare_classes': rare_classes} for name in names]


def write_labels(path: str, labels: np.ndarray) -> None:
    """Write hard labels (H, W), integers in 0..255."""
    write_image(path, labels.astype(np.uint8))


def read_labels(path: str) -> np.ndarray:
    """Read hard labels (H, W), uint8.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it cannot be decoded, or is no single-channel image of 8 bits.
    """
    return read_index_label(path)


def write_soft_labels(path: str, soft_labels: np.ndarray) -> None:
    """Write soft labels (C, H, W) in [0, 1] beside the hard labels of the same ``path``."""
    with atomic_file(_soft_path(path)) as draft, draft.open('wb') as file:
        np.savez_compressed(file, soft_label=np.rint(soft_labels * 255).astype(np.uint8))


def read_soft_labels(path: str) -> np.ndarray:
    """Read the soft labels (C, H, W), uint8 counts of 1/255, that lie beside the hard labels of ``path``.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it cannot be decoded.
    """
    soft_path = _soft_path(path)
    content = read_bytes(str(soft_path), 'soft pseudo-label')
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
            if arrays.zip.getinfo('soft_label.npy').file_size > MAX_BYTES:
                raise ValueError(f'it unpacks to more than {MAX_BYTES} bytes')
            return arrays['soft_label']
    except Exception as error:  # a damaged archive, or an array where one should be, makes NumPy raise anything
        raise ValueError(f'soft pseudo-label {soft_path} cannot be decoded: {error}. {ADVICE}') from error


def write_rare_classes(root: str, classes: list[int]) -> None:
    """Write the indices of rarely predicted classes."""
    write_atomically(json.dumps(classes), Path(root, RARE_CLASSES))


def read_rare_classes(root: str) -> list[int]:
    """Read the indices of rarely predicted classes; none where the labelling did not look for them.

    Raises:
        ValueError: If the file holds anything else.
    """
    path = Path(root, RARE_CLASSES)
    if not path.is_file():
        return []
    try:
        classes = json.loads(path.read_bytes())
    except ValueError as error:
        raise ValueError(f'{path} cannot be read as JSON: {error}. Label the frames again.') from error
    if not isinstance(classes, list) or not all(isinstance(index, int) for index in classes):
        raise ValueError(f'{path} must hold a list of class indices. Label the frames again.')
    return classes


def _soft_path(path: str) -> Path:
    return Path(path).with_suffix('.npz')
