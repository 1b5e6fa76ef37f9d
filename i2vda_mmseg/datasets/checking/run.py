"""The check of all data of a config."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from typing import Any

from ..class_spaces import CITYSCAPES_RAW_IDS
from ..label_ids import look_like_train_ids
from .files import FileJob, FileResult, check_one
from .findings import DataReport, Fault
from .index import Index, build_index, find_datasets

_SAMPLED = 3  # labels of a data set that are decoded in any case
_CITYSCAPES_IDS = set(CITYSCAPES_RAW_IDS.values())
Sizes = dict[str, tuple[int, int] | None]
Track = Callable[[Iterable[Any], int, str], Iterable[Any]]  # of a loop: its length, its name


def untracked(results: Iterable[Any], total: int, what: str) -> Iterable[Any]:
    """Show nothing of how far a loop is."""
    return results


def check_data(config: Mapping[str, Any], deep: bool = False, workers: int = 1, track: Track = untracked) -> DataReport:
    """Check the data of train (source and target), val and test; all faults are collected.

    Looked at are the layout, the names, the number of samples against the published one, and of each file its header
    and its end: format, mode, bits, sizes (label against image, frames of a pair against each other). With ``deep``
    every file is decoded as in training, with all checksums, and every raw id is compared with the known ones. Whether
    labels look like train ids of Cityscapes is told by all of them, or else by the first few.

    Args:
        config: A config of mmengine, under its default scope.
        deep: Whether to decode every file.
        workers: Threads that read files; decoders and checksums run beside each other.
        track: Wrapped around the results of one data set, with their number and the role; for a progress bar.

    Raises:
        ValueError: If the config has no data set, or ``workers`` is not positive.
    """
    if workers < 1:
        raise ValueError(f'workers must be at least 1, got {workers}')
    report = DataReport(deep)
    for role, cfg in find_datasets(config).items():
        index = build_index(role, cfg)
        report.summaries.append(index.summary)
        report.faults += index.faults
        jobs = list(_jobs(index))
        index.summary.files = len(jobs)
        with _mapped(partial(check_one, deep=deep), jobs, workers) as results:
            report.faults += _faults(index, track(results, len(jobs), role))
        if not deep:
            labels = [job for job in jobs if job.what == 'label'][:_SAMPLED]
            _warn_of_train_ids(index, {number for job in labels for number in check_one(job, deep=True).ids})
    return report


def _jobs(index: Index) -> Iterator[FileJob]:
    """Give each file of the index once, without those that are known to be missing."""
    seen = {fault.path for fault in index.faults}
    for sample in index.samples:
        images = [path for path in (sample.get('img_path'), *sample.get('frame_paths', ())) if path]
        labels = [sample['seg_map_path']] if sample.get('seg_map_path') else []
        for what, paths in (('image', images), ('label', labels)):
            for path in paths:
                if path not in seen:
                    seen.add(path)
                    yield FileJob(path, what, sample, index.backend_args)


@contextmanager
def _mapped(
    check: Callable[[FileJob], FileResult], jobs: list[FileJob], workers: int
) -> Iterator[Iterable[FileResult]]:
    if workers == 1:
        yield map(check, jobs)
        return
    with ThreadPoolExecutor(workers) as pool:
        try:
            yield pool.map(check, jobs)
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def _faults(index: Index, results: Iterable[FileResult]) -> list[Fault]:
    faults, sizes = [], {}
    ids: set[int] = set()
    for result in results:
        sizes[result.path] = result.size
        ids |= result.ids
        if result.kind:
            faults.append(Fault(index.summary.role, result.kind, result.path, result.message))
    _warn_of_train_ids(index, ids)
    return faults + [
        Fault(index.summary.role, 'size', path, message)
        for path, message in dict.fromkeys(unequal for sample in index.samples for unequal in _unequal(sample, sizes))
    ]


def _warn_of_train_ids(index: Index, ids: set[int]) -> None:
    """Say where files that are read as label ids of Cityscapes hold train ids, whatever their name."""
    read_as_label_ids = any(set(sample.get('label_map') or ()) == _CITYSCAPES_IDS for sample in index.samples)
    if read_as_label_ids and look_like_train_ids(ids):
        index.summary.warnings.append(
            f'the labels hold no other ids than {sorted(ids)}: these look like train ids, but are read as label ids; '
            "set label_ids='trainIds' if they are"
        )


def _unequal(sample: Mapping[str, Any], sizes: Sizes) -> Iterator[tuple[str, str]]:
    """Compare a label with its image, and the frames of a pair with each other."""
    image, frames = sample.get('img_path', ''), sample.get('frame_paths', ())
    if label := sample.get('seg_map_path'):
        yield from _compare(label, image, sizes, 'a label and its image')
    for frame in frames[:-1]:
        yield from _compare(frame, frames[-1], sizes, 'the frames of a pair')


def _compare(path: str, other: str, sizes: Sizes, what: str) -> Iterator[tuple[str, str]]:
    size, expected = sizes.get(path), sizes.get(other)
    if size and expected and size != expected:
        yield (
            path,
            f'{path} has {size[1]}x{size[0]} pixels, but {other} has {expected[1]}x{expected[0]} (width x height); '
            f'{what} must have one size.',
        )
