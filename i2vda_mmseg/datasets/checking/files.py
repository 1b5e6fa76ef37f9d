"""One image or label: can it be read, and does it hold what it should."""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any, NamedTuple

import numpy as np

from i2vda_mmseg.fileio.images import COLOURS, check_image, check_label, read_image
from i2vda_mmseg.fileio.pictures import Picture, decode, glance
from i2vda_mmseg.fileio.reading import check_file, read_bytes

from ..transforms.labels import read_raw_ids, to_classes


class FileJob(NamedTuple):
    """A file to look at."""

    path: str  # the file
    what: str  # 'image' or 'label'
    info: Mapping[str, Any]  # the sample of the data set that names it
    backend_args: dict | None = None  # file backend of mmengine; the local disk by default


class FileResult(NamedTuple):
    """What was found."""

    path: str  # the file
    size: tuple[int, int] | None = None  # (H, W), or None where it cannot be told
    kind: str = ''  # kind of the fault, '' for none
    message: str = ''  # what is wrong
    ids: frozenset[int] = frozenset()  # the ids that a decoded label holds


def check_one(job: FileJob, deep: bool) -> FileResult:
    """Look at the header and the end of a file, or decode it all as training does; a fault is a result, not an error.

    Args:
        job: The file.
        deep: Whether to decode, and to compare the ids of a label with those that are known.
    """
    try:
        if deep and job.what == 'image':
            image = read_image(job.path, job.backend_args, job.info.get('image_colours', COLOURS))
            return FileResult(job.path, image.shape[:2])
        if deep and 'label_encoding' in job.info:
            return _decode_label(job)
        picture = probe(job.path, job.what, job.backend_args)
        _check_holds(job, picture)
    except (OSError, ValueError) as error:
        return FileResult(job.path, None, 'file', str(error))
    return FileResult(job.path, (picture.height, picture.width))


def probe(path: str, what: str, backend_args: dict | None = None) -> Picture:
    """Read the two ends of a file; only where they look wrong, or it is not on the local disk, all of it.

    Raises:
        OSError: If there is no such file, it is a folder, or it may not be read.
        ValueError: If its header or its end is damaged.
    """
    if backend_args is None:
        check_file(path, what)
        with suppress(OSError, ValueError):  # decoding all of it says why
            return glance(path, what)
    return decode(path, what, read_bytes(path, what, backend_args))[0]


def _check_holds(job: FileJob, picture: Picture) -> None:
    if job.what == 'image':
        check_image(job.path, picture, job.info.get('image_colours', COLOURS))
    elif 'label_encoding' in job.info:
        check_label(job.path, picture, job.info['label_encoding'])


def _decode_label(job: FileJob) -> FileResult:
    raw = read_raw_ids(job.path, job.info['label_encoding'], job.backend_args)
    size = (raw.shape[0], raw.shape[1])
    try:
        to_classes(job.path, raw, job.info.get('label_map'))
    except ValueError as error:
        return FileResult(job.path, size, 'ids', str(error))
    return FileResult(job.path, size, ids=frozenset(np.flatnonzero(np.bincount(raw.ravel())).tolist()))
