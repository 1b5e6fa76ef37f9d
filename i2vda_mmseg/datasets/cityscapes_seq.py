"""Cityscapes sequences (Cordts et al., CVPR 2016), and any other folders of numbered frames."""

import logging
from collections.abc import Collection, Mapping, Sequence
from typing import Any, ClassVar

from mmengine.logging import print_log
from mmseg.registry import DATASETS

from i2vda_mmseg.fileio.frames import FRAME_COLOURS, FrameIndex, Window, place_of, windows_of
from i2vda_mmseg.fileio.listing import read_list, strip_suffix
from i2vda_mmseg.fileio.pseudo_labels import pseudo_label_infos

from .class_space import FILES, class_space_of
from .class_spaces import CITYSCAPES_RAW_IDS, CLASS_SPACES
from .label_ids import ids_to_classes, label_ids_ending, require_label_files
from .raw_label_dataset import BEFORE, RawLabelDataset

PAIRS = (None, 'labelled', 'consecutive')


@DATASETS.register_module()
class CityscapesSeqDataset(RawLabelDataset):
    """Frames of a video as labelled frames (evaluation) or as unlabelled pairs of consecutive frames (adaptation).

    ``pairs`` says what a sample is:

    * None: a labelled frame, with ``img_path`` and ``seg_map_path``; for stock mmseg test pipelines.
    * 'labelled': the labelled frame Y as I_1 and the one before it as I_0, as in DA-VSN (Guan et al., ICCV 2021).
    * 'consecutive': every two consecutive frames of a clip; pairs never cross from one clip to the next.

    Which frames follow each other is told by the numbers in their names, see ``fileio.frames``: any names, steps and
    lengths will do. Labels are never read for pairs, only their names are, from ``ann_file`` or else from gtFine: in
    Cityscapes they tell where a snippet of 30 frames ends. Where nothing is labelled, 'labelled' takes the 20th of each
    30 consecutive frames, or the last one of fewer. What lacks in a snippet of Cityscapes is an error.

    Args:
        data_root: Folder that holds ``leftImg8bit_sequence`` and ``gtFine``.
        split: Folder below these two, any name; ignored where ``data_prefix`` is given.
        class_space: 'viper15' (the 15 classes shared with VIPER; riders are persons), 'viper15-no-rider' (riders are
            ignored) or 'synthia12' (the 12 shared with SYNTHIA); or one of your own, see ``class_space_of``.
        pairs: None, 'labelled' or 'consecutive'.
        frames: Number of frames of a pair sample, in order: 2 are a pair, TPS (Xing et al., ECCV 2022) takes 3.
        stride: How many frames the frames of a pair sample are apart: 1 takes neighbours.
        ann_file: List of labelled frames, one a line, with or without folders before the name and endings; names of
            label files are understood too. 'consecutive' then takes the clips that hold one of them.
        data_prefix: Folders ``img_path`` and ``seg_map_path``, by default ``leftImg8bit_sequence/{split}`` and
            ``gtFine/{split}``.
        img_suffix: Ending of the frames, such as '.jpg'; capitals do not matter.
        seg_map_suffix: Ending of the labels, by default ``_gtFine_labelIds.png``, or that of train ids.
        label_ids: What the labels hold. 'labelIds': Cityscapes' own ids. 'trainIds': 0 to 18 and 255, as mmseg's
            converter writes them to ``*_gtFine_labelTrainIds.png``.
        pseudo_label_root: Folder of pseudo-labels of the frames I_1 of pairs, for ``LoadPseudoLabels``; the later
            stages of a ``StagedTrainLoop`` fill it in.
        **kwargs: ``previous_frame``, which adds the frame before to labelled frames (see ``RawLabelDataset``), and
            arguments of mmseg's ``BaseSegDataset``.

    Raises:
        ValueError: If ``class_space``, ``pairs`` or ``label_ids`` is unknown, the labels to read are named as other
            files of Cityscapes, ``frames``, ``stride`` or ``previous_frame`` does not go with ``pairs``, or two frames
            of a clip have the same number.
        FileNotFoundError: If a folder, a frame, the frame before it or a label is missing, or a name has no number.
    """

    METAINFO: ClassVar[dict] = CLASS_SPACES['viper15'][0]
    RAW_IDS = tuple(CITYSCAPES_RAW_IDS.values())
    RAW_TO_CLASS = CLASS_SPACES['viper15'][1]
    IMAGE_COLOURS = FRAME_COLOURS
    LAYOUT = (
        'data_root/\n'
        '  leftImg8bit_sequence/{split}/{city}/{city}_000000_000019_leftImg8bit.png  (all frames of the snippets)\n'
        '  gtFine/{split}/{city}/{city}_000000_000019_gtFine_labelIds.png            (raw ids; not needed for pairs)'
    )

    ADVICE = f"{RawLabelDataset.ADVICE} Where labels are *_gtFine_labelTrainIds.png, set label_ids='trainIds'."

    def __init__(  # noqa: PLR0913, PLR0917 - what is on disk and what is a sample, all by name
        self,
        data_root: str,
        split: str = 'train',
        class_space: Any = 'viper15',
        pairs: str | None = None,
        frames: int = 2,
        stride: int = 1,
        ann_file: str = '',
        data_prefix: Mapping[str, str] | None = None,
        img_suffix: str = '_leftImg8bit.png',
        seg_map_suffix: str | None = None,
        label_ids: str = 'labelIds',
        pseudo_label_root: str | None = None,
        metainfo: Mapping[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        is_own = not isinstance(class_space, str) or class_space.endswith(FILES)
        if not is_own and class_space not in CLASS_SPACES:
            raise ValueError(f'class_space={class_space!r} is unknown; choose one of {list(CLASS_SPACES)}.')
        if pairs not in PAIRS:
            raise ValueError(f'pairs={pairs!r} is unknown; choose one of {list(PAIRS)}.')
        if frames < 2 or stride < 1 or (pairs is None and (frames, stride) != (2, 1)):
            raise ValueError(
                f"frames={frames}, stride={stride} need pairs='labelled' or 'consecutive', at least 2 frames and a "
                'stride of at least 1.'
            )
        if pairs is not None and kwargs.get('previous_frame'):
            raise ValueError(f'pairs={pairs!r} has the frame before anyway; previous_frame=True goes with pairs=None.')
        self.split, self.class_space, self.pairs = split, class_space, pairs
        self.frames, self.stride = frames, stride
        self.pseudo_label_root = pseudo_label_root
        self.label_ids, usual_suffix = label_ids, label_ids_ending(label_ids)
        if is_own:
            self._use(class_space_of(class_space), 'target')
        else:  # the instance shadows the class attributes: which classes there are is an argument here
            self.METAINFO, raw_to_class = CLASS_SPACES[class_space]  # type: ignore[misc]
            self.RAW_IDS, self.RAW_TO_CLASS = ids_to_classes(raw_to_class, label_ids)  # type: ignore[misc]
        super().__init__(
            data_root,
            data_prefix or {'img_path': f'leftImg8bit_sequence/{split}', 'seg_map_path': f'gtFine/{split}'},
            ann_file,
            img_suffix=img_suffix,
            seg_map_suffix=seg_map_suffix or usual_suffix,
            metainfo={**self.METAINFO, **(metainfo or {})},
            **kwargs,
        )

    def load_data_list(self) -> list[dict]:
        """Build the index, once."""
        frames = self._list('img_path')
        if self.pairs is None:
            return self._load_labelled(frames)
        labelled = self._labelled_names(frames)
        self._require(labelled, frames, 'img_path')
        windows = (self._labelled_windows if self.pairs == 'labelled' else self._consecutive_windows)(frames, labelled)
        if not windows:
            raise self._layout_error(f'no {self.frames} consecutive frames below {self.data_prefix["img_path"]}')
        labels = pseudo_label_infos(self.pseudo_label_root, [window[-1] for window in windows])
        return [self._window_info(window) | info for window, info in zip(windows, labels)]

    def _load_labelled(self, frames: set[str]) -> list[dict]:
        require_label_files(self.seg_map_suffix, self.label_ids)
        labels = self._list('seg_map_path')
        names = self._listed_names(frames) if self.ann_file else sorted(labels)
        self._require(names, frames, 'img_path')
        self._require(names, labels, 'seg_map_path')
        return self._labelled_infos(names, frames)

    def _labelled_windows(self, frames: set[str], labelled: Sequence[str]) -> list[Window]:
        if not labelled:
            index = FrameIndex(frames)
            self._check_clips(index, frames)
            labelled = index.middle_frames()
        return self._windows_ending_at(labelled, frames, self.frames)

    def _windows_ending_at(self, names: Sequence[str], images: set[str], length: int) -> list[Window]:
        """Each frame with the ones before it, as far as its clip has them."""
        index = FrameIndex(images, names)
        windows = {name: index.window(name, length, self.stride) for name in names if name in images}
        short = [name for name, window in windows.items() if window is None]
        before = {name: index.before(name, self.stride, length) for name in short if index.is_cityscapes(name)}
        self._refuse_first_frames([name for name, others in before.items() if '' in others])
        self._require([other for others in before.values() for other in others if other], images, 'img_path', BEFORE)
        if left := [name for name in short if images.issuperset(before.get(name, ()))]:
            self._warn(f'{len(left)} labelled frames, such as {left[0]}, lack a frame before them and are left out')
        return [window for name in names if (window := windows.get(name))]

    def _consecutive_windows(self, frames: set[str], labelled: Sequence[str]) -> list[Window]:
        index = FrameIndex(frames, labelled)
        self._check_clips(index, set(labelled) or frames)
        clips = index.clips_of(labelled) if self.ann_file else index.clips
        return [window for clip in clips for window in windows_of(clip, self.frames, self.stride)]

    def _check_clips(self, index: FrameIndex, needed: Collection[str] = ()) -> None:
        """Refuse what lacks in Cityscapes, and tell where frames hardly ever follow each other."""
        self._require(index.lost(), set(), 'img_path', ', a gap in its snippet')
        alone = [name for name in index.alone() if name in needed and index.is_cityscapes(name)]
        lost = [self._path('img_path', name) for name in alone]
        if lost:
            problem = f'a clip of a single frame, without the one before or after it: {lost[0]}'
            self._fault(lost, self._layout_error(problem))
        if warning := index.warning():
            self._warn(warning)

    def _refuse_first_frames(self, names: Sequence[str]) -> None:
        if names:
            paths = [self._path('img_path', name) for name in names]
            source = f', asked for by {self.ann_file}' if self.ann_file else ''
            problem = f'{names[0]} is the first frame of its clip: no frame before it can exist to pair it with'
            self._fault(paths, self._layout_error(f'{problem} ({paths[0]}{source})'))

    def _warn(self, problem: str) -> None:
        where = self.data_prefix['img_path']
        print_log(f'{type(self).__name__}: {problem} (in {where})', logger='current', level=logging.WARNING)

    def _labelled_names(self, frames: set[str]) -> list[str]:
        """Names of the labelled frames, empty if nothing tells them."""
        if self.ann_file:
            return self._listed_names(frames)
        return sorted(self._list('seg_map_path')) if self._has_folder('seg_map_path') else []

    def _list(self, kind: str) -> set[str]:
        names = super()._list(kind)
        if nameless := [name for name in sorted(names) if place_of(name) is None]:
            paths = [self._path(kind, name) for name in nameless]
            self._fault(paths, self._layout_error(f'no frame number in the name {paths[0]}'))
        return names.difference(nameless)

    def _listed_names(self, images: set[str]) -> list[str]:
        """Frames by the part of each line that names one: folders before it may be there."""
        suffixes = (self.img_suffix, self.seg_map_suffix, '_leftImg8bit', '_gtFine_labelIds', '.png')
        names = []
        for line in read_list(self.ann_file):
            parts = strip_suffix(line, suffixes).split('/')
            ends = ['/'.join(parts[-n:]) for n in range(len(parts), 0, -1)]
            name = next((end for end in ends if end in images), '/'.join(parts[-2:]))
            if place_of(name) is None:
                raise ValueError(
                    f'ann_file: {line!r} in {self.ann_file} has no frame number; a line should look like '
                    'frankfurt/frankfurt_000000_000294_leftImg8bit.png'
                )
            names.append(name)
        return names

    def _window_info(self, window: Window) -> dict:
        frames = self._frames_info(window)
        return {'img_path': frames['frame_paths'][-1], 'image_colours': self.IMAGE_COLOURS, 'seg_fields': [], **frames}
