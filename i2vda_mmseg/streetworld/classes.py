"""What StreetWorld draws, and what each data set calls it."""

import numpy as np

from i2vda_mmseg.datasets.class_spaces import CITYSCAPES_RAW_IDS, SYNTHIA_RAW_IDS, VIPER_RAW_IDS

CLASS_NAMES = (
    'sky', 'road', 'lane marking', 'sidewalk', 'terrain', 'tree', 'hedge', 'building', 'fence', 'pole',
    'traffic light', 'traffic sign', 'person', 'rider', 'bicycle', 'motorcycle', 'car', 'truck', 'bus',
)  # fmt: skip

# Only names that differ from the drawn class are listed. VIPER knows neither riders nor poles of their own, SYNTHIA
# calls a cyclist and the bicycle by one name and has no id for terrain and for vehicles other than cars.
_VIPER_NAMES = {
    'lane marking': 'road', 'hedge': 'vegetation', 'pole': 'infrastructure', 'traffic light': 'trafficlight',
    'traffic sign': 'trafficsign', 'rider': 'person',
}  # fmt: skip
_SYNTHIA_NAMES = {
    'lane marking': 'lane-marking', 'terrain': 'void', 'tree': 'vegetation', 'hedge': 'vegetation',
    'person': 'pedestrian', 'rider': 'bicycle', 'motorcycle': 'void', 'truck': 'void', 'bus': 'void',
}  # fmt: skip
_CITYSCAPES_NAMES = {'lane marking': 'road', 'tree': 'vegetation', 'hedge': 'vegetation'}


def _lookup(raw_ids: dict[str, int], names: dict[str, str]) -> np.ndarray:
    return np.array([raw_ids[names.get(name, name)] for name in CLASS_NAMES], np.uint8)


_RAW_LOOKUP = {
    'viper': _lookup(VIPER_RAW_IDS, _VIPER_NAMES),
    'synthia': _lookup(SYNTHIA_RAW_IDS, _SYNTHIA_NAMES),
    'cityscapes': _lookup(CITYSCAPES_RAW_IDS, _CITYSCAPES_NAMES),
}


def raw_labels(classes: np.ndarray, dataset: str) -> np.ndarray:
    """Translate drawn classes into the raw ids of a data set: (H, W), uint8, raw ids.

    Args:
        classes: (H, W), uint8, positions in ``CLASS_NAMES``.
        dataset: 'viper', 'synthia' or 'cityscapes'.

    Raises:
        ValueError: If ``dataset`` is none of the three.
    """
    if dataset not in _RAW_LOOKUP:
        raise ValueError(f'Unknown data set {dataset!r}; known are {sorted(_RAW_LOOKUP)}.')
    return _RAW_LOOKUP[dataset][classes]
