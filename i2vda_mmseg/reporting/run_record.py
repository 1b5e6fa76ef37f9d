"""What a work dir holds."""

import filecmp
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple, ParamSpec, TypeVar

from mmengine.config import Config

from i2vda_mmseg.errors import describe
from i2vda_mmseg.evaluation import ClipCounts, read_clip_counts
from i2vda_mmseg.evaluation.clip_counts import CLIPS_FILE

from .confusion import read_confusion
from .figures import parse_figures
from .scalars import Scalars, read_scalars, trained_configs, went_on
from .without_labels import Unlabelled, read_unlabelled

_MACHINE = re.compile(r'^    (Python|CUDA available|GPU [\d,]+|CUDA_HOME|OpenCV|seed): (.+)$', re.MULTILINE)
_LOADED = re.compile(r'^load_from\s*=\s*[\'"](.+)[\'"]\s*$', re.MULTILINE)  # in a config as mmengine dumps it
_HEAD = 20_000  # characters of a log, in which mmengine describes the machine


class Weights(NamedTuple):
    """A checkpoint."""

    path: Path  # the file
    note: str = ''  # one sentence where a reader would expect another file, or ''


def find_weights(folder: Path, tested: str | None = None, name: str | None = None) -> Weights:
    """Find the weights that were asked for by ``name``, or those that were tested, or the last ones.

    The tested file counts under the very path that metrics.json names, which need not be in the work dir; a file of the
    same name in there is taken if that is gone, as after a work dir was moved.

    Raises:
        FileNotFoundError: If there is none of them.
    """
    pointer = folder / 'last_checkpoint'
    last = pointer.read_text(encoding='utf-8', errors='replace').strip() if pointer.is_file() else None
    wanted = [name] if name else list(dict.fromkeys(path for path in (tested, last) if path))
    for number, path in enumerate(map(Path, wanted)):
        places = [folder / path.name, path]
        if tested and not name and number == 0 and not _is_of(folder, path):
            places.reverse()
        for place in places:
            if place.is_file():
                return Weights(place, _note(folder, Path(tested), place) if tested and not name else '')
    raise FileNotFoundError(f'no checkpoint {" or ".join(wanted)} in {folder}'.replace('  ', ' '))


def _is_of(folder: Path, path: Path) -> bool:
    """Whether a relative path, wherever it was relative to, leads into the folder."""
    own = (folder.resolve() / path.name).parts
    return not path.is_absolute() and own[-len(path.parts) :] == path.parts


def _note(folder: Path, tested: Path, place: Path) -> str:
    own = folder / tested.name
    if place == own and _is_of(folder, tested):
        return ''
    if place != tested:
        return f'{tested}, which was tested, is not there; samples and clip are of {place}'
    if own.is_file() and not own.samefile(tested) and not filecmp.cmp(own, tested, shallow=False):
        return f'samples and clip are of {tested}, which was tested, and not of the other {own.name} in the work dir'
    return ''


P = ParamSpec('P')
T = TypeVar('T')


def attempt(faults: list[str], part: str, make: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T | None:
    """Make a part of the page; if that fails, note why among the ``faults``, in one sentence.

    Whatever is wrong with the files of a run (moved data, a truncated checkpoint, a config of another version), the
    rest of the page is still of use.

    Example:
        >>> faults = []
        >>> attempt(faults, 'clip', int, 'four'), faults
        (None, ["no clip: invalid literal for int() with base 10: 'four'"])
    """
    try:
        return make(*args, **kwargs)
    except Exception as error:
        faults.append(f'no {part}: {describe(error)}')
        return None


class RunRecord(NamedTuple):
    """A run, as far as its work dir tells.

    Attributes:
        name: Short and unlike those of the other runs.
        folder: Work dir.
        metrics: Content of metrics.json, None where there is none.
        train: Training scalars by name and iteration.
        validation: Validation scalars by name and iteration.
        config: The config that it was trained with, None where there is none.
        machine: What its log says of the machine.
        missing: What is not there, one sentence each.
        unlabelled: What is known of it without labels.
        clip_counts: What its test counted on each clip, by figure.
        confusion: Content of confusion.json, None where there is none.
        started: Time stamp of the first start of its training, None where there is none.
        loaded_from: Checkpoint whose weights that began with; '' for none.
    """

    name: str
    folder: Path
    metrics: dict[str, Any] | None
    train: Scalars
    validation: Scalars
    config: Config | None
    machine: dict[str, str]
    missing: list[str]
    unlabelled: Unlabelled = Unlabelled({}, None)
    clip_counts: Mapping[str, ClipCounts] = MappingProxyType({})
    confusion: dict[str, Any] | None = None
    started: str | None = None
    loaded_from: str = ''

    def weights(self, name: str | None = None) -> Weights:
        """Find the weights: ``name``, or those that were tested, or the last ones.

        Raises:
            FileNotFoundError: If they are not there.
        """
        tested = (self.metrics or {}).get('checkpoint')
        return find_weights(self.folder, tested if isinstance(tested, str) else None, name)


def read_run(folder: str | Path, name: str | None = None) -> RunRecord:
    """Read a work dir; what is absent or damaged is noted, not raised.

    Args:
        folder: Work dir of tools/train.py, with or without the metrics.json of tools/test.py.
        name: How to call the run; default the folder's name.

    Raises:
        FileNotFoundError: If there is no such folder.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise FileNotFoundError(f'there is no work dir {folder}')
    missing: list[str] = []
    metrics = _read_metrics(folder / 'metrics.json', missing)
    train, validation, torn = read_scalars(folder)
    if not train:
        missing.append('no training curves: there is no */vis_data/scalars.json with training iterations')
    if not validation.get('mIoU'):
        missing.append('no curve of mIoU: the run was not validated')
    if torn:
        missing.append(f'{torn} unreadable line{"s" if torn > 1 else ""} of its scalars.json')
    config = _read_config(folder, missing)
    machine = _read_machine(folder)
    unlabelled = read_unlabelled(folder, missing)
    called = name or folder.resolve().name
    return RunRecord(
        called, folder, metrics, train, validation, config, machine, missing, unlabelled,
        _read_clip_counts(folder / CLIPS_FILE, missing), read_confusion(folder, missing), *_first_start(folder),
    )  # fmt: skip


def short_names(folders: Sequence[str | Path]) -> list[str]:
    """Name each folder by as much of the end of its path as tells it from the others.

    Example:
        >>> short_names(['a/i2vda/r18', 'a/advent/r18', 'b/other'])
        ['i2vda/r18', 'advent/r18', 'other']
    """
    parts = [Path(folder).resolve().parts for folder in folders]
    distinct = set(parts)
    names = []
    for own in parts:
        length = 1
        while length < len(own) and sum(other[-length:] == own[-length:] for other in distinct) > 1:
            length += 1
        names.append('/'.join(own[-length:]).removeprefix('//'))
    return [name if names.count(name) == 1 else f'{name} ({i + 1})' for i, name in enumerate(names)]


def _read_metrics(path: Path, missing: list[str]) -> dict[str, Any] | None:
    if not path.is_file():
        missing.append('no figures: there is no metrics.json, which tools/test.py writes')
        return None
    try:
        metrics = parse_figures(path.read_text(encoding='utf-8'))
    except (ValueError, RecursionError) as error:
        missing.append(f'no figures: metrics.json is no JSON ({describe(error)})')
        return None
    if not isinstance(metrics, dict):
        missing.append('no figures: metrics.json is no table')
        return None
    return metrics


def _read_clip_counts(path: Path, missing: list[str]) -> dict[str, ClipCounts]:
    if not path.is_file():
        return {}
    return attempt(missing, 'intervals', read_clip_counts, path) or {}


def _first_start(folder: Path) -> tuple[str | None, str]:
    """Time stamp of the start that did not go on from a checkpoint, and what it loaded."""
    for config in reversed(trained_configs(folder)):
        if not went_on(config):
            found = _LOADED.search(config.read_text(encoding='utf-8', errors='replace')) if config.is_file() else None
            return config.parts[-3], found[1] if found else ''
    return None, ''


def _read_config(folder: Path, missing: list[str]) -> Config | None:
    """Read the config of the last training; a test writes its own over that in the work dir."""
    dumped = sorted(folder.glob('*/vis_data/config.py'), key=lambda path: path.parts[-3])
    trained = [path for path in dumped if path.with_name('scalars.json').is_file()]
    candidates = [*trained[-1:], *dumped[-1:], *sorted(folder.glob('*.py'))]
    if not candidates:
        missing.append('no settings, samples and clip: there is no config in it')
        return None
    try:
        return Config.fromfile(candidates[0])
    except Exception as error:  # a config is a program, and may fail in any way
        missing.append(f'no settings, samples and clip: {candidates[0].name} cannot be read ({describe(error)})')
        return None


def _read_machine(folder: Path) -> dict[str, str]:
    logs = sorted(folder.glob('*/*.log'), key=lambda path: path.parts[-2])
    trained = [log for log in logs if (log.parent / 'vis_data' / 'scalars.json').is_file()] or logs
    if not trained:
        return {}
    with trained[-1].open(encoding='utf-8', errors='replace') as file:
        found = dict(_MACHINE.findall(file.read(_HEAD)))
    return {name: value.partition(' (main')[0] for name, value in found.items()}
