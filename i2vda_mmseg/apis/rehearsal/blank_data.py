"""Training samples of the sizes that a config asks for, without its data."""

from collections.abc import Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.dataset import pseudo_collate
from mmseg.registry import DATA_SAMPLERS, DATASETS
from PIL import Image
from torch.utils.data import DataLoader

from i2vda_mmseg.fileio.pseudo_labels import write_soft_labels

SIZE = (1080, 1920)  # height and width of the blank files, before the pipeline resizes or crops them
_COUNT = 2  # samples a domain


def blank_loader(config: Mapping[str, Any], folder: str | Path, pseudo_labels: bool = False) -> DataLoader:
    """Build the ``train_dataloader`` of a config over blank images and labels; its pipelines run as they are.

    Args:
        config: ``train_dataloader`` of a config.
        folder: Where the blank files are written.
        pseudo_labels: Whether target samples name pseudo-labels.

    Returns:
        A loader without workers, and without end.
    """
    image, label = _write(Path(folder))
    dataset = deepcopy(dict(config['dataset']))
    for domain in ('source', 'target'):
        dataset[domain] = dict(dataset[domain], lazy_init=True)
    pair = DATASETS.build(dataset)
    for domain in (pair.source, pair.target):
        _fill(domain, image, label, pseudo_labels)
    if pseudo_labels:
        write_soft_labels(label, np.full((len(pair.metainfo['classes']), *SIZE), 0.5, np.float32))
    sampler = DATA_SAMPLERS.build(dict(config['sampler'], dataset=pair, seed=0))
    return DataLoader(pair, batch_size=config['batch_size'], sampler=sampler, num_workers=0, collate_fn=pseudo_collate)


def _write(folder: Path) -> tuple[str, str]:
    """Write an image of random colours, for flow and histograms, and a label of one raw id."""
    image, label = folder / 'image.png', folder / 'label.png'
    coarse = np.random.default_rng(0).integers(0, 256, (SIZE[0] // 60, SIZE[1] // 60, 3), dtype=np.uint8)
    Image.fromarray(coarse).resize(SIZE[::-1]).save(image)
    Image.fromarray(np.zeros(SIZE, np.uint8)).save(label)
    return str(image), str(label)


def _fill(dataset: Any, image: str, label: str, pseudo_labels: bool) -> None:
    """Let a data set that has not been read hold blank samples only."""
    count = max(2, getattr(dataset, 'frames', 2) or 2)
    info = dict(
        img_path=image,
        seg_map_path=label,
        frame_paths=(image,) * count,
        frame_keys=tuple(f'clip/{i}.png' for i in range(count)),
        label_map=dict.fromkeys(range(256), 0),
        reduce_zero_label=False,
        seg_fields=[],
    )
    if pseudo_labels:
        info.update(pseudo_label_path=label, rare_classes=[])
    dataset.serialize_data = False
    dataset.data_list = [deepcopy(info) for _ in range(_COUNT)]
    dataset._fully_initialized = True
