"""The common part of the data sets: raw label ids on disk, class indices in training."""

import os
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, ClassVar

from mmengine import fileio
from mmseg.datasets import BaseSegDataset

from i2vda_mmseg.errors import check_choice
from i2vda_mmseg.fileio.frames import Window, shifted
from i2vda_mmseg.fileio.listing import list_files, read_list, strip_suffix
from i2vda_mmseg.ops import IGNORE_INDEX

from .class_space import DOMAINS, ClassSpace, class_space_of

BEFORE = ', a frame before a labelled one'


class RawLabelDataset(BaseSegDataset):
    """Images and labels in two folder trees whose files share their names but for the suffix.

    Labels hold the raw ids of the data set. The way from raw ids to class indices is handed to the pipeline as
    ``label_map``, which is total over the known raw ids and which mmseg's ``LoadAnnotations`` and our ``LoadRawLabels``
    both apply; a subset of classes (``metainfo=dict(classes=...)``) is composed into it. What is missing on disk raises
    when the index is built, and a pipeline that gives up on a sample raises when the sample is read.

    Args:
        data_root: Root folder of the data set.
        data_prefix: Folders ``img_path`` and ``seg_map_path`` below ``data_root``.
        ann_file: List file, one name a line, with or without suffix; '' takes every labelled image.
        previous_frame: Whether a sample names the frame before the labelled one as well, in ``frame_paths`` (previous,
            labelled) and ``frame_keys`` (the same relative to ``data_root``), for methods that read two frames. Frame 0
            has none and is left out, unless ``ann_file`` asks for it.
        class_space: Classes and raw ids in place of the data set's own, as ``class_space_of`` takes them.
        domain: Whose raw ids of the class space the labels hold, 'source' or 'target'.
        **kwargs: Arguments of mmseg's ``BaseSegDataset`` (``pipeline``, ``metainfo``, ``indices``, ``test_mode``, ...).

    Attributes:
        on_fault: Where ``full_init`` shall go on after a fault, a function that is told the paths and the error; with
            ``lazy_init=True`` it can be set in time. None raises the first error.
    """

    RAW_IDS: ClassVar[Collection[int]] = ()
    RAW_TO_CLASS: ClassVar[Mapping[int, int]] = {}
    LABEL_ENCODING: ClassVar[str] = 'index'
    IMAGE_COLOURS: ClassVar[Sequence[str]] = ('RGB',)
    LAYOUT: ClassVar[str] = ''
    ADVICE: ClassVar[str] = 'Set data_root to that folder, or data_prefix where your folders have other names.'

    def __init__(
        self,
        data_root: str,
        data_prefix: Mapping[str, str],
        ann_file: str = '',
        previous_frame: bool = False,
        class_space: Any = None,
        domain: str = 'source',
        **kwargs: Any,
    ) -> None:
        if class_space is not None:
            self._use(class_space_of(class_space), domain)
            kwargs['metainfo'] = {**self.METAINFO, **(kwargs.get('metainfo') or {})}
        self.previous_frame = previous_frame
        self._odd_files: dict[str, dict[str, str]] = {}  # those whose ending is in other capitals
        if kwargs.get('reduce_zero_label'):
            raise ValueError(f'{type(self).__name__}: reduce_zero_label=True contradicts the table of raw ids; drop it')
        self.on_fault: Callable[[list[str], Exception], None] | None = None
        super().__init__(ann_file=ann_file, data_root=data_root, data_prefix=dict(data_prefix), **kwargs)

    def _use(self, space: ClassSpace, domain: str) -> None:
        """Take classes and raw ids from a class space; the instance shadows the class attributes."""
        check_choice('domain', domain, DOMAINS)
        own = dict(METAINFO=space.metainfo, RAW_IDS=space.raw_ids(domain), RAW_TO_CLASS=space.raw_to_class(domain))
        for name, value in own.items():
            setattr(self, name, value)

    def get_label_map(self, new_classes: Sequence[str] | None = None) -> dict[int, int]:
        """Map every known raw id to the index of its class among ``new_classes``, or to 255."""
        own = list(self.METAINFO['classes'])
        chosen = own if new_classes is None else list(new_classes)
        if strangers := [name for name in chosen if name not in own]:
            raise ValueError(f'metainfo.classes: {strangers} are no classes of {type(self).__name__}; it has {own}.')
        index_of = {name: index for index, name in enumerate(chosen)}
        class_of = {raw: index_of.get(own[index], IGNORE_INDEX) for raw, index in self.RAW_TO_CLASS.items()}
        return {raw: class_of.get(raw, IGNORE_INDEX) for raw in sorted(self.RAW_IDS)}

    def _update_palette(self) -> list:
        """Give each chosen class its own colour (mmseg looks colours up by label id, and our label ids are raw)."""
        palette, classes = self._metainfo['palette'], self._metainfo['classes']
        if palette == self.METAINFO['palette']:
            color_of = dict(zip(self.METAINFO['classes'], palette))
            return [color_of[name] for name in classes]
        if len(palette) != len(classes):
            raise ValueError(f'metainfo.palette has {len(palette)} colours for {len(classes)} classes.')
        return palette

    def load_data_list(self) -> list[dict]:
        """Build the index, once."""
        images, labels = self._list('img_path'), self._list('seg_map_path')
        listed = self._listed_names(images) if self.ann_file else []
        names = listed or sorted(labels.union(self._images_to_label(images, labels)))
        self._require(names, images, 'img_path')
        self._require(names, labels, 'seg_map_path')
        return self._labelled_infos(names, images)

    def _labelled_infos(self, names: Sequence[str], images: set[str]) -> list[dict]:
        """Samples of labelled images, each with the frame before if that is wanted."""
        if not self.previous_frame:
            return [self._labelled_info(name) for name in names]
        windows = self._windows_ending_at(names, images, 2)
        return [self._labelled_info(window[-1]) | self._frames_info(window) for window in windows]

    def _windows_ending_at(self, names: Sequence[str], images: set[str], length: int) -> list[Window]:
        """Each labelled image with the frames before it, whose numbers are lower by one each."""
        windows = [tuple(shifted(name, n) for n in range(1 - length, 1)) for name in names]
        whole = [window for window in windows if all(window)]
        if not whole or (self.ann_file and len(whole) < len(windows)):
            path = self._path('img_path', min(names))
            self._fault([path], self._layout_error(f'no frame can be before {path}, the first of all'))
        self._require([name for window in whole for name in window[-2::-1]], images, 'img_path', BEFORE)
        return whole

    def _images_to_label(self, images: set[str], labels: set[str]) -> set[str]:
        """Images that must have a label; all of them unless a data set knows better."""
        return images

    def _listed_names(self, images: set[str]) -> list[str]:
        """Names in the list; ``images`` are those that are there."""
        suffixes = (self.img_suffix, self.seg_map_suffix)
        return [strip_suffix(name, suffixes) for name in read_list(self.ann_file)]

    def _suffix(self, kind: str) -> str:
        return self.img_suffix if kind == 'img_path' else self.seg_map_suffix

    def _path(self, kind: str, name: str) -> str:
        file = self._odd_files.get(kind, {}).get(name, name + self._suffix(kind))
        return fileio.join_path(self.data_prefix[kind], file)

    def _has_folder(self, kind: str) -> bool:
        folder = self.data_prefix.get(kind)
        return bool(folder) and fileio.isdir(folder, backend_args=self.backend_args)

    def _list(self, kind: str) -> set[str]:
        """Names in the image or the label folder.

        Raises:
            FileNotFoundError: If the folder is absent, or holds no file with the suffix.
        """
        folder = self.data_prefix.get(kind)
        if folder is None:
            raise self._layout_error(f'data_prefix names no {kind}, which is needed here')
        if not self._has_folder(kind):
            raise self._layout_error(f'no such folder: {folder}')
        folders: list[str] = []
        files = list_files(folder, self._suffix(kind), self.backend_args, folders)
        self._odd_files[kind] = {name: file for name, file in files.items() if file != name + self._suffix(kind)}
        if folders:
            self._fault(folders, self._layout_error(f'a folder in place of a file: {folders[0]}'))
        if not files:
            raise self._layout_error(f'no file *{self._suffix(kind)} below {folder}')
        return set(files)

    def _require(self, names: Collection[str], present: set[str], kind: str, reason: str = '') -> None:
        """Raise if an image or a label that the index needs is not on disk."""
        missing = [name for name in names if name not in present]
        if missing:
            what = 'image' if kind == 'img_path' else 'label'
            source = f', asked for by {self.ann_file}' if self.ann_file else ''
            more = f' (and {len(missing) - 1} more)' if len(missing) > 1 else ''
            paths = [self._path(kind, name) for name in missing]
            self._fault(paths, self._layout_error(f'no such {what}: {paths[0]}{more}{reason}{source}'))

    def _fault(self, paths: list[str], error: Exception) -> None:
        """Raise, unless somebody collects."""
        if self.on_fault is None:
            raise error
        self.on_fault(paths, error)

    def _layout_error(self, problem: str) -> FileNotFoundError:
        return FileNotFoundError(
            f'{problem}\n{type(self).__name__} (data_root={self.data_root!r}) expects\n{self.LAYOUT}\n{self.ADVICE}'
        )

    def _labelled_info(self, name: str) -> dict:
        return {
            'img_path': self._path('img_path', name),
            'seg_map_path': self._path('seg_map_path', name),
            'label_map': self.label_map,
            'label_encoding': self.LABEL_ENCODING,
            'image_colours': self.IMAGE_COLOURS,
            'reduce_zero_label': False,
            'seg_fields': [],
        }

    def _frames_info(self, names: Sequence[str]) -> dict:
        """Paths of consecutive frames, and their keys: paths relative to the data root."""
        paths = tuple(self._path('img_path', name) for name in names)
        keys = tuple(os.path.relpath(path, self.data_root).replace(os.sep, '/') for path in paths)
        return {'frame_paths': paths, 'frame_keys': keys}

    def prepare_data(self, idx: int) -> Any:
        """Run the pipeline; a sample that it drops is an error, not an invitation to draw another one."""
        data = super().prepare_data(idx)
        if data is None:
            path = self.get_data_info(idx)['img_path']
            raise ValueError(f'the pipeline returned None for {path}; remove the transform that drops samples.')
        return data
