"""How many pixels of each class each label of a data set holds."""

import hashlib
import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.logging import print_log

from i2vda_mmseg.errors import ConfigError
from i2vda_mmseg.fileio.atomic import write_atomically

from .transforms.labels import LABEL_STEPS

_THREADS = 8


def class_counts(dataset: Any, key: str = 'rare_class_sampling') -> np.ndarray:
    """Count the pixels of each class in each label, at the size of the files.

    Counted once: the counts are kept as ``class_counts_<hash>.json`` in the data set's root, where that can be written,
    and are taken from there as long as names, sizes and classes of the labels are the same.

    Args:
        dataset: A built data set of mmseg, whose pipeline loads labels.
        key: What asks for it, for the message.

    Returns:
        (samples, classes), int64.

    Raises:
        ConfigError: If its pipeline loads no labels.
    """
    infos = [dataset.get_data_info(index) for index in range(len(dataset))]
    loader = _label_loader(dataset, key)
    num_classes = len(dataset.metainfo['classes'])
    cache = _cache_file(dataset, infos)
    if cache is not None and cache.is_file():
        return np.array(json.loads(cache.read_text(encoding='utf-8'))['counts'], np.int64).reshape(-1, num_classes)
    print_log(f'counting the pixels of each class in {len(infos)} labels, once', logger='current')
    with ThreadPoolExecutor(_THREADS) as pool:
        counts = np.stack([*pool.map(lambda info: _count(loader, info, num_classes), infos)])
    _keep(cache, dataset, counts)
    return counts


def _label_loader(dataset: Any, key: str) -> Any:
    steps = getattr(getattr(dataset, 'pipeline', None), 'transforms', [])
    loader = next((step for step in steps if type(step).__name__ in LABEL_STEPS), None)
    if loader is None:
        raise ConfigError(
            f'{key}: the pipeline of {type(dataset).__name__} loads no labels, by which images are '
            f'chosen; add one of {list(LABEL_STEPS)}, or set {key} to None'
        )
    return loader


def _count(loader: Any, info: dict[str, Any], num_classes: int) -> np.ndarray:
    labels = loader(dict(info, seg_fields=[]))['gt_seg_map']
    return np.bincount(labels.ravel(), minlength=256)[:num_classes]


def _cache_file(dataset: Any, infos: list[dict[str, Any]]) -> Path | None:
    """Name the file after what the counts depend on; None for files that are not on a local disk."""
    paths = [Path(info['seg_map_path']) for info in infos]
    if not dataset.data_root or not all(path.is_file() for path in paths):
        return None
    files = [(path.name, path.stat().st_size) for path in paths]
    maps = sorted({str(sorted((info.get('label_map') or {}).items())) for info in infos})
    described = repr((files, maps, list(dataset.metainfo['classes'])))
    return Path(dataset.data_root) / f'class_counts_{hashlib.sha256(described.encode()).hexdigest()[:12]}.json'


def _keep(cache: Path | None, dataset: Any, counts: np.ndarray) -> None:
    if cache is None:
        return
    content = dict(classes=list(dataset.metainfo['classes']), counts=counts.tolist())
    try:
        write_atomically(json.dumps(content), cache)
    except OSError as error:
        print_log(f'the counts are not kept and will be made again in the next run: {error}', 'current', level=30)
