"""The index of a data set, with everything that is wrong about it instead of the first fault only."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from mmseg.registry import DATASETS

from ..cityscapes_seq import CityscapesSeqDataset
from .findings import Fault, Summary

PUBLISHED = {
    ('ViperDataset', 'train'): ('frames', (13367,)),
    ('SynthiaSeqDataset', ''): ('frames', (850, 849)),  # DA-VSN leaves out the first one
    ('CityscapesSeqDataset', 'train'): ('clips', (2975,)),
    ('CityscapesSeqDataset', 'val'): ('clips', (500,)),
}
CITIES = re.compile(
    'aachen|bochum|bremen|cologne|darmstadt|dusseldorf|erfurt|frankfurt|hamburg|hanover|jena|krefeld|lindau|'
    'monchengladbach|munster|strasbourg|stuttgart|tubingen|ulm|weimar|zurich'
)


class Index(NamedTuple):
    """What there is to check in one data set."""

    summary: Summary  # its figures so far
    samples: list[dict]  # its samples; files that are known to be missing are among them
    faults: list[Fault]  # what is wrong about names and folders
    backend_args: dict | None = None  # its file backend


def find_datasets(config: Mapping[str, Any]) -> dict[str, dict]:
    """Find the data sets of a config, by their role; one that has several roles is named once.

    Raises:
        ValueError: If it has none.
    """
    found: list[tuple[str, dict]] = []
    for split in ('train', 'val', 'test'):
        dataset = (config.get(f'{split}_dataloader') or {}).get('dataset')
        found += [] if dataset is None else _inner(split, dataset)
    merged: list[tuple[list[str], dict]] = []
    for role, dataset in found:
        same = next((roles for roles, other in merged if other == dataset), None)
        if same is None:
            merged.append(([role], dataset))
        else:
            same.append(role)
    if not merged:
        raise ValueError('the config has no data set: no train_dataloader, val_dataloader or test_dataloader')
    return {', '.join(roles): dataset for roles, dataset in merged}


def _inner(role: str, dataset: Mapping[str, Any]) -> Iterator[tuple[str, dict]]:
    """Unpack the data sets that hold others."""
    if 'source' in dataset and 'target' in dataset:
        for domain in ('source', 'target'):
            yield from _inner(f'{role} {domain}', dataset[domain])
    elif 'datasets' in dataset:
        for number, inner in enumerate(dataset['datasets'], start=1):
            yield from _inner(f'{role} {number}', inner)
    elif 'dataset' in dataset:
        yield from _inner(role, dataset['dataset'])
    else:
        yield role, dict(dataset)


def build_index(role: str, cfg: dict) -> Index:
    """Build the index of a data set and collect its faults."""
    summary = Summary(role, str(cfg.get('type')), str(cfg.get('data_root')))
    faults: list[Fault] = []

    def _collect(paths: list[str], error: Exception) -> None:
        line = re.sub(r' \(and \d+ more\)', '', str(error).splitlines()[0])
        faults.extend(Fault(role, 'index', path, line.replace(paths[0], path)) for path in paths)

    try:
        dataset = DATASETS.build(cfg | {'lazy_init': True, 'serialize_data': False})
        dataset.on_fault = _collect
        dataset.full_init()
        samples = [dataset.get_data_info(index) for index in range(len(dataset))]
    except Exception as error:  # a config may be wrong in any way; the other data sets are checked all the same
        faults.append(Fault(role, 'index', summary.root, str(error)))
        return Index(summary, [], faults)
    summary.samples = len(samples)
    _compare_with_published(summary, dataset, samples)
    return Index(summary, samples, faults, dataset.backend_args)


def _compare_with_published(summary: Summary, dataset: Any, samples: list[dict]) -> None:
    key = (type(dataset).__name__, getattr(dataset, 'split', ''))
    if key not in PUBLISHED or (isinstance(dataset, CityscapesSeqDataset) and not _are_of_cityscapes(samples)):
        return
    unit, counts = PUBLISHED[key]
    summary.published = f'{" or ".join(f"{count:,}" for count in counts)} {unit}'
    count = _count_clips(dataset, samples) if isinstance(dataset, CityscapesSeqDataset) else len(samples)
    if count not in counts:
        summary.warnings.append(f'{count:,} {unit}, but the published data have {summary.published}')


def _are_of_cityscapes(samples: list[dict]) -> bool:
    """Whether some frames are named after a city of Cityscapes; anybody's own frames may lie in its layout."""
    return any(CITIES.fullmatch(Path(sample['img_path']).name.partition('_')[0]) for sample in samples)


def _count_clips(dataset: CityscapesSeqDataset, samples: list[dict]) -> int:
    """Chains of windows that share frames; ``stride`` of them run beside each other through a clip."""
    clip_of: dict[str, str] = {}
    for frames in [sample['frame_paths'] for sample in samples if 'frame_paths' in sample]:
        clip_of.update(dict.fromkeys(frames, clip_of.get(frames[0], frames[0])))
    chains = len(set(clip_of.values())) or len(samples)
    return chains // dataset.stride if dataset.pairs == 'consecutive' else chains
