"""A known data set on disk: is it all there, and what do the data sets of this package need to be told of it?"""

from collections import Counter
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

from i2vda_mmseg.fileio.atomic import write_atomically
from i2vda_mmseg.fileio.frame_source import spread
from i2vda_mmseg.fileio.images import LABEL_ENCODINGS, check_label, write_image
from i2vda_mmseg.fileio.listing import list_files

from ..checking.files import FileJob, FileResult, check_one, probe
from ..checking.run import Track, untracked
from ..frame_folder import FrameFolderDataset
from ..labelled_folder import common_suffix
from .colours import colours_to_ids
from .frames import frames_of
from .known_data import KnownData, Split, find_layout
from .prepared import Prepared, PreparedSplit

_DECODED = 20  # labels of a split whose ids are looked at
_NAMED = 3  # files that a finding names
_THREADS = 8


class _Files(NamedTuple):
    """The files of a split that are whole."""

    folders: dict[str, Path]  # of 'images' and 'labels'
    suffixes: dict[str, str]  # of the same
    paths: dict[str, tuple[Path, Path]]  # image and label by name
    encoding: str
    size: tuple[int, int]  # (W, H) of most


class Preparation:
    """Looks through the files of a known data set and writes lists of them.

    Args:
        data: The data set.
        root: Where it lies.
        out: Folder for the lists, and for labels that have to be written anew.
        images: Folder of the images below ``root``, if it is none of those that are known.
        labels: The same of the labels.
        track: Wrapped around long loops, with their length and what they are about; for a progress bar.

    Attributes:
        findings: After ``run``: what is wrong or unlike the publication, in sentences.

    Raises:
        FileNotFoundError: If ``root`` is not there, or its files lie in none of the known ways.
    """

    def __init__(
        self,
        data: KnownData,
        root: str | Path,
        out: str | Path,
        images: str | None = None,
        labels: str | None = None,
        track: Track = untracked,
    ) -> None:
        self.data, self.out, self.track = data, Path(out).resolve(), track
        given = {key: value for key, value in (('images', images), ('labels', labels)) if value}
        self.layout, self.root = find_layout(data, Path(root), given)
        self.findings: list[str] = []

    def run(self, is_partial: bool = False) -> Prepared | None:
        """Look at every header, decode some labels, and write the lists.

        Args:
            is_partial: Whether to write them in spite of findings, without what is faulty.

        Returns:
            What was written, or None if it was not.

        Raises:
            ValueError: If labels are of another kind than the data set's, or none is whole.
        """
        found: dict[str, _Files] = {}
        seen = set()
        for name, split in self.data.splits.items():
            place = (self._folder('images', name), self._folder('labels', name), split.names)
            if place not in seen and place[0].is_dir() and place[1].is_dir():
                seen.add(place)  # folders of one's own may be the same for all splits
                found |= {name: files} if (files := self._look_through(name, split)) else {}
        frames = {} if found else frames_of(self.data, self.root, self.out, {})
        if not found and not frames:
            raise ValueError(f'{self.root} holds no labelled image of {self.data.title}, and no video')
        if self.findings and not is_partial:
            return None
        splits = {name: self._write_split(name, files) for name, files in found.items()}
        about = self.data
        prepared = Prepared(
            about.name, about.title, about.labels, about.covers, splits, frames_of(about, self.root, self.out, splits)
        )
        prepared.write(self.out)
        return prepared

    def _folder(self, kind: str, split: str) -> Path:
        return self.root / getattr(self.layout, kind).format(split=split)

    def _look_through(self, name: str, split: Split) -> _Files | None:
        """Look at the files of a split; None if there are none."""
        folders = {kind: self._folder(kind, name) for kind in ('images', 'labels')}
        suffixes = {
            'images': self.layout.image_suffix or common_suffix(folders['images']),
            'labels': self.layout.label_suffix or common_suffix(folders['labels']),
        }
        held = {
            kind: {each: folder / file for each, file in _listed(folder, suffixes[kind]) if split.holds(each)}
            for kind, folder in folders.items()
        }
        both = sorted(held['images'].keys() & held['labels'].keys())
        if not both:
            return None
        self._report_single(name, held)
        paths = {each: (held['images'][each], held['labels'][each]) for each in both}
        encoding = self._encoding(paths[both[0]][1])
        whole, size = self._whole(name, paths, encoding)
        if split.count not in {None, len(whole)}:
            self.findings.append(f'{name}: {len(whole):,} labelled images, but the data set has {split.count:,}')
        return _Files(folders, suffixes, {each: paths[each] for each in whole}, encoding, size)

    def _write_split(self, name: str, files: _Files) -> PreparedSplit:
        """Write the list, and labels anew where they are colours."""
        labels, suffix, encoding = files.folders['labels'], files.suffixes['labels'], files.encoding
        if encoding == 'colours':
            labels, suffix, encoding = self.out / 'labels', '.png', 'index'
            self._decolour({each: paths[1] for each, paths in files.paths.items()}, labels)
        ann_file = self.out / f'{name}.txt'
        write_atomically(''.join(f'{each}\n' for each in files.paths), ann_file)
        return PreparedSplit(
            data_root=str(self.root),
            data_prefix={'img_path': self._told(files.folders['images']), 'seg_map_path': self._told(labels)},
            img_suffix=files.suffixes['images'],
            seg_map_suffix=suffix,
            label_encoding=encoding,
            ann_file=str(ann_file),
            images=len(files.paths),
            size=files.size,
        )

    def _told(self, folder: Path) -> str:
        return str(folder.relative_to(self.root)) if folder.is_relative_to(self.root) else str(folder)

    def _report_single(self, split: str, held: Mapping[str, Mapping[str, Path]]) -> None:
        """Name images without labels, and labels without images."""
        pairs = [('labels', 'images', 'labels without an image')]
        pairs += [] if self.layout.is_sparse else [('images', 'labels', 'images without a label')]
        for kind, other, problem in pairs:
            if single := sorted(held[kind].keys() - held[other].keys()):
                self.findings.append(f'{split}: {problem}: {_shown(single)}')

    def _encoding(self, label: Path) -> str:
        """The first of the data set's encodings that a label file fits."""
        picture = probe(str(label), 'label')
        if 'colours' in self.layout.encodings and picture.colours in {'RGB', 'RGBA'}:
            return 'colours'
        fitting = [each for each in self.layout.encodings if each in LABEL_ENCODINGS]
        for encoding in fitting[:-1]:
            try:
                check_label(str(label), picture, encoding)
            except ValueError:
                continue
            return encoding
        if not fitting:
            raise ValueError(f'label {label} is {picture}; expected 8-bit RGB, a colour a class')
        check_label(str(label), picture, fitting[-1])
        return fitting[-1]

    def _whole(
        self, split: str, paths: Mapping[str, tuple[Path, Path]], encoding: str
    ) -> tuple[list[str], tuple[int, int]]:
        """Names without a fault, and the width and height of most."""
        faults: dict[str, list[str]] = {}
        sizes: Counter[tuple[int, int]] = Counter()
        decoded = set(spread(list(paths), _DECODED))

        def _look(name: str) -> tuple[str, tuple[FileResult, FileResult]]:
            return name, self._look(*paths[name], encoding, name in decoded)

        with ThreadPoolExecutor(_THREADS) as pool:
            looked = list(self.track(pool.map(_look, paths), len(paths), split))
        for name, results in looked:
            problem = next((result.message for result in results if result.kind), '') or _unequal(results)
            if problem:
                faults.setdefault(problem.partition('\n')[0].replace(str(self.root) + '/', ''), []).append(name)
            elif results[0].size:
                sizes[results[0].size[::-1]] += 1
        self.findings += [f'{split}: {problem}' for problem in list(faults)[:_NAMED]]
        if len(faults) > _NAMED:
            self.findings.append(f'{split}: {len(faults) - _NAMED:,} more files with faults')
        if not sizes:
            raise ValueError(f'{split}: no labelled image is whole: {next(iter(faults))}')
        faulty = {name for names in faults.values() for name in names}
        return [name for name in paths if name not in faulty], sizes.most_common(1)[0][0]

    def _look(self, image: Path, label: Path, encoding: str, is_decoded: bool) -> tuple[FileResult, FileResult]:
        told: dict[str, Any] = dict(image_colours=FrameFolderDataset.IMAGE_COLOURS)
        if encoding in LABEL_ENCODINGS:
            told |= dict(label_encoding=encoding, label_map=dict.fromkeys([*self.data.labels, 255], 0))
        jobs = [FileJob(str(image), 'image', told), FileJob(str(label), 'label', told)]
        return check_one(jobs[0], deep=False), check_one(jobs[1], deep=is_decoded and encoding in LABEL_ENCODINGS)

    def _decolour(self, labels: Mapping[str, Path], folder: Path) -> None:
        """Write coloured labels anew, as raw ids."""
        for name, path in self.track(labels.items(), len(labels), 'labels, from colours to ids'):
            write_image(folder / f'{name}.png', colours_to_ids(str(path), self.data.colours))


def _listed(folder: Path, suffix: str) -> Iterable[tuple[str, str]]:
    return list_files(str(folder), suffix).items()


def _unequal(results: tuple[FileResult, FileResult]) -> str:
    image, label = results
    if image.size == label.size or image.size is None or label.size is None:
        return ''
    (height, width), (label_height, label_width) = image.size, label.size
    return f'{image.path} has {width}x{height} pixels, its label {label_width}x{label_height}'


def _shown(names: list[str]) -> str:
    more = f' and {len(names) - _NAMED:,} more' if len(names) > _NAMED else ''
    return ', '.join(names[:_NAMED]) + more
