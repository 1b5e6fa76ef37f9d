"""Cityscapes sequences (Cordts et al., CVPR 2016): snippets of 30 frames, the 20th of them labelled."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, ClassVar

from mmengine import fileio
from mmseg.registry import DATASETS

from i2vda_mmseg.fileio import clips
from i2vda_mmseg.fileio.listing import read_list, strip_suffix
from i2vda_mmseg.fileio.pseudo_labels import pseudo_label_infos

from .class_spaces import (
    CITYSCAPES_RAW_IDS,
    CITYSCAPES_TO_12,
    CITYSCAPES_TO_15,
    CITYSCAPES_TO_15_NO_RIDER,
    CLASSES_12,
    CLASSES_15,
    PALETTE_12,
    PALETTE_15,
)
from .raw_label_dataset import RawLabelDataset

CLASS_SPACES: dict[str, tuple[dict, dict[int, int]]] = {
    'viper15': ({'classes': CLASSES_15, 'palette': PALETTE_15}, CITYSCAPES_TO_15),
    'viper15-no-rider': ({'classes': CLASSES_15, 'palette': PALETTE_15}, CITYSCAPES_TO_15_NO_RIDER),
    'synthia12': ({'classes': CLASSES_12, 'palette': PALETTE_12}, CITYSCAPES_TO_12),
}
PAIRS = (None, 'labelled', 'consecutive')


@DATASETS.register_module()
class CityscapesSeqDataset(RawLabelDataset):
    """Cityscapes-Seq as labelled frames (evaluation) or as unlabelled pairs of consecutive frames (adaptation).

    ``pairs`` says what a sample is:

    * None: a labelled frame, with ``img_path`` and ``seg_map_path``; for stock mmseg test pipelines.
    * 'labelled': the labelled frame Y as I_1 and Y - 1 as I_0, as in DA-VSN (Guan et al., ICCV 2021).
    * 'consecutive': every two consecutive frames of a snippet; pairs never cross from one snippet to the next.

    Labels are never read for pairs, only their names are, to learn which frame of a snippet is the labelled one: from
    ``ann_file``, else from the names in gtFine, else (no gtFine folder for the split) it is the 20th of each 30
    consecutive frames, or the last one of a shorter run. ``snippet_paths`` gives all frames around a sample.

    Args:
        data_root: Folder that holds ``leftImg8bit_sequence`` and ``gtFine``.
        split: Folder below these two, any name; ignored where ``data_prefix`` is given.
        class_space: 'viper15' (the 15 classes shared with VIPER; riders are persons), 'viper15-no-rider' (riders are
            ignored) or 'synthia12' (the 12 shared with SYNTHIA).
        pairs: None, 'labelled' or 'consecutive'.
        frames: Number of consecutive frames of a pair sample, the first ones being those before: 2 are a pair, TPS
            (Xing et al., ECCV 2022) takes 3.
        ann_file: List of labelled frames, one a line, like ``frankfurt/frankfurt_000000_000294_leftImg8bit.png``. The
            split before the city may be there, the ending may be missing; names of label files are understood too.
        data_prefix: Folders ``img_path`` and ``seg_map_path``, by default ``leftImg8bit_sequence/{split}`` and
            ``gtFine/{split}``.
        img_suffix: Ending of the frames.
        seg_map_suffix: Ending of the labels.
        pseudo_label_root: Folder of pseudo-labels of the frames I_1 of pairs, for ``LoadPseudoLabels``; the later
            stages of a ``StagedTrainLoop`` fill it in.
        **kwargs: ``previous_frame``, which adds the frame before to labelled frames (see ``RawLabelDataset``), and
            arguments of mmseg's ``BaseSegDataset``.

    Raises:
        ValueError: If ``class_space`` or ``pairs`` is unknown, ``frames`` or ``previous_frame`` does not go with
            ``pairs``, or a file name carries no frame number.
        FileNotFoundError: If a folder, a frame, the frame before it or a label is missing.

    Example:
        .. code-block:: python

            target = dict(
                type='CityscapesSeqDataset',
                data_root='data/cityscapes',
                split='train',
                pairs='labelled',
                pipeline=[
                    dict(type='LoadFramePair'),
                    dict(
                        type='TransformBroadcaster',
                        mapping=dict(img=['frame_0', 'frame_1']),
                        auto_remap=True,
                        share_random_params=True,
                        transforms=[
                            dict(type='Resize', scale=(1024, 512), keep_ratio=False, backend='pillow',
                                 interpolation='bicubic'),
                        ],
                    ),
                    dict(type='PackFramePair'),
                ],
            )
            val = dict(
                type='CityscapesSeqDataset',
                data_root='data/cityscapes',
                split='val',
                pipeline=[
                    dict(type='LoadImage'),
                    dict(type='Resize', scale=(1024, 512), keep_ratio=False, backend='pillow', interpolation='bicubic'),
                    dict(type='LoadRawLabels'),  # after Resize: labels stay at their native size
                    dict(type='PackSegInputs'),
                ],
            )
    """

    METAINFO: ClassVar[dict] = CLASS_SPACES['viper15'][0]
    RAW_IDS = tuple(CITYSCAPES_RAW_IDS.values())
    RAW_TO_CLASS = CLASS_SPACES['viper15'][1]
    LAYOUT = (
        'data_root/\n'
        '  leftImg8bit_sequence/{split}/{city}/{city}_000000_000019_leftImg8bit.png  (all frames of the snippets)\n'
        '  gtFine/{split}/{city}/{city}_000000_000019_gtFine_labelIds.png            (raw ids; not needed for pairs)'
    )

    def __init__(  # noqa: PLR0913, PLR0917 - what is on disk and what is a sample, all by name
        self,
        data_root: str,
        split: str = 'train',
        class_space: str = 'viper15',
        pairs: str | None = None,
        frames: int = 2,
        ann_file: str = '',
        data_prefix: Mapping[str, str] | None = None,
        img_suffix: str = '_leftImg8bit.png',
        seg_map_suffix: str = '_gtFine_labelIds.png',
        pseudo_label_root: str | None = None,
        metainfo: Mapping[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        if class_space not in CLASS_SPACES:
            raise ValueError(f'class_space={class_space!r} is unknown; choose one of {list(CLASS_SPACES)}.')
        if pairs not in PAIRS:
            raise ValueError(f'pairs={pairs!r} is unknown; choose one of {list(PAIRS)}.')
        if frames < 2 or (pairs is None and frames > 2):
            raise ValueError(f"frames={frames} needs pairs='labelled' or 'consecutive', and at least 2 frames.")
        if pairs is not None and kwargs.get('previous_frame'):
            raise ValueError(
                f'pairs={pairs!r} has the frame before in any case; previous_frame=True goes with pairs=None.'
            )
        self.split, self.class_space, self.pairs, self.frames = split, class_space, pairs, frames
        self.pseudo_label_root = pseudo_label_root
        # The instance shadows the class attributes: which classes there are is an argument here.
        self.METAINFO, self.RAW_TO_CLASS = CLASS_SPACES[class_space]  # type: ignore[misc]
        super().__init__(
            data_root,
            data_prefix or {'img_path': f'leftImg8bit_sequence/{split}', 'seg_map_path': f'gtFine/{split}'},
            ann_file,
            img_suffix=img_suffix,
            seg_map_suffix=seg_map_suffix,
            metainfo={**self.METAINFO, **(metainfo or {})},
            **kwargs,
        )

    def load_data_list(self) -> list[dict]:
        """Build the index, once."""
        frames = self._list('img_path')
        if self.pairs is None:
            return self._load_labelled(frames)
        windows = self._labelled_windows(frames) if self.pairs == 'labelled' else self._consecutive_windows(frames)
        if not windows:
            raise self._layout_error(f'no {self.frames} consecutive frames below {self.data_prefix["img_path"]}')
        labels = pseudo_label_infos(self.pseudo_label_root, [window[-1] for window in windows])
        return [self._window_info(window) | info for window, info in zip(windows, labels)]

    def snippet_paths(self, index: int) -> list[str]:
        """Paths of the existing frames of a sample's snippet, in order.

        The frame ``img_path`` of the sample counts as the labelled one (the 20th), which it is unless
        ``pairs='consecutive'``.
        """
        path = self.get_data_info(index)['img_path']
        names = clips.snippet_around(strip_suffix(path, [self.img_suffix]))
        paths = [name + self.img_suffix for name in names]
        return [path for path in paths if fileio.exists(path, backend_args=self.backend_args)]

    def _load_labelled(self, frames: set[str]) -> list[dict]:
        labels = self._list('seg_map_path')
        names = self._listed_names() if self.ann_file else sorted(labels)
        self._require(names, frames, 'img_path')
        self._require(names, labels, 'seg_map_path')
        return self._labelled_infos(names, frames)

    def _labelled_windows(self, frames: set[str]) -> list[clips.Window]:
        labelled = self._labelled_names()
        if not labelled:
            self._refuse_single_frames(clips.single_frames(frames))
        too_early = [name for name in labelled if not clips.shifted(name, 1 - self.frames)]
        self._refuse_first_frames(too_early)
        currents = labelled or clips.middle_frames(frames)
        windows = clips.windows_ending_at([name for name in currents if name not in too_early], self.frames)
        self._require([window[-1] for window in windows], frames, 'img_path')
        reason = ', the frame before the labelled one'
        self._require([name for window in windows for name in window[-2::-1]], frames, 'img_path', reason)
        return windows

    def _consecutive_windows(self, frames: set[str]) -> list[clips.Window]:
        labelled = self._labelled_names()
        self._require(labelled, frames, 'img_path')
        self._refuse_single_frames(clips.single_frames(frames).intersection(labelled or frames))
        self._require(clips.gaps(labelled, frames), frames, 'img_path', ', a gap in its snippet')
        pairs = clips.pairs_around(labelled, frames) if self.ann_file else clips.pairs_within(frames, labelled)
        return clips.windows_of(pairs, self.frames)

    def _refuse_first_frames(self, names: Sequence[str]) -> None:
        if names:
            paths = [self._path('img_path', name) for name in names]
            problem = f'{names[0]} is the first frame of its clip: no frame before it can exist to pair it with'
            source = f', asked for by {self.ann_file}' if self.ann_file else ''
            self._fault(paths, self._layout_error(f'{problem} ({paths[0]}{source})'))

    def _refuse_single_frames(self, names: Collection[str]) -> None:
        if names:
            paths = [self._path('img_path', name) for name in sorted(names)]
            problem = f'a clip of a single frame, without the one before or after it: {paths[0]}'
            self._fault(paths, self._layout_error(problem))

    def _labelled_names(self) -> list[str]:
        """Names of the labelled frames, empty if nothing tells them."""
        if self.ann_file:
            return self._listed_names()
        return sorted(self._list('seg_map_path')) if self._has_folder('seg_map_path') else []

    def _list(self, kind: str) -> set[str]:
        names = super()._list(kind)
        if nameless := [name for name in sorted(names) if not clips.is_frame_name(name)]:
            paths = [self._path(kind, name) for name in nameless]
            self._fault(paths, self._layout_error(f'no frame number in the name {paths[0]}'))
        return names.difference(nameless)

    def _listed_names(self) -> list[str]:
        suffixes = (self.img_suffix, self.seg_map_suffix, '_leftImg8bit', '_gtFine_labelIds', '.png')
        lines = read_list(self.ann_file)
        names = ['/'.join(strip_suffix(line, suffixes).split('/')[-2:]) for line in lines]
        for line, name in zip(lines, names):
            if not clips.is_frame_name(name):
                expected = 'frankfurt/frankfurt_000000_000294_leftImg8bit.png'
                raise ValueError(
                    f'ann_file: cannot read {line!r} in {self.ann_file}; a line should look like {expected}'
                )
        return names

    def _window_info(self, window: clips.Window) -> dict:
        return {'img_path': self._path('img_path', window[-1]), 'seg_fields': [], **self._frames_info(window)}
