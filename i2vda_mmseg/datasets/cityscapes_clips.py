"""All frames of clips, in order, for what is measured over time."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from mmengine.structures import PixelData
from mmseg.registry import DATASETS, TRANSFORMS

from i2vda_mmseg.fileio.frames import FrameIndex, windows_of
from i2vda_mmseg.fileio.listing import strip_suffix

from .cityscapes_seq import CityscapesSeqDataset

CLIP_KEYS = ('img_path', 'clip', 'frame_index', 'frame_key')


@DATASETS.register_module()
class CityscapesClipDataset(CityscapesSeqDataset):
    """The frames of every clip, one clip after the other; no labels are read.

    A clip is a run of consecutive frames, as for ``CityscapesSeqDataset``; where labels tell the snippets of Cityscapes
    apart, a snippet. With ``ann_file``, clips are those that hold a listed frame. All have two frames or more. Each
    sample's meta information says where it stands: ``clip`` (name of the first frame), ``frame_index`` (from 0),
    ``frame_key`` (path relative to the data root) and ``img_path``. ``ClipSampler`` keeps clips whole.

    Args:
        data_root: As ``CityscapesSeqDataset``.
        clip_list: Text file that names the clips to take, one a line, each by any one of its frames, such as the
            labelled one; folders before the name and endings do not matter. '' takes all.
        pairs: None: a sample is a frame. 'consecutive': two consecutive frames of a clip, as for training.
        flow: Config of a ``ClipFlow``: a sample then carries the flow between its frame and the one before as
            ``tc_flow_01`` and ``tc_flow_10``, made where the sample is read. None: no flow.
        **kwargs: Arguments of ``CityscapesSeqDataset``. With ``previous_frame``, a sample names the frame before in
            ``frame_paths``; before the first frame of a clip, that is the first frame itself.

    Raises:
        ValueError: If ``pairs`` is 'labelled', or ``clip_list`` names a frame of no clip.
        FileNotFoundError: If there is no clip, no such list, or a clip has a gap.
    """

    def __init__(
        self, data_root: str, clip_list: str = '', pairs: str | None = None, flow: dict | None = None, **kwargs: Any
    ) -> None:
        if pairs == 'labelled':
            raise ValueError("CityscapesClipDataset takes all frames of a clip: pairs must be None or 'consecutive'.")
        self.clip_list = clip_list
        self.flow = None if flow is None else TRANSFORMS.build(flow)
        super().__init__(data_root, pairs=pairs, **kwargs)

    def load_data_list(self) -> list[dict]:
        """Build the index, once."""
        frames = self._list('img_path')
        labelled = self._labelled_names(frames)
        self._require(labelled, frames, 'img_path')
        index = FrameIndex(frames, labelled)
        self._check_clips(index)
        found = [clip for clip in (index.clips_of(labelled) if self.ann_file else index.clips) if len(clip) > 1]
        if not found:
            folder = self.data_prefix['img_path']
            raise self._layout_error(f'no clip of two consecutive frames or more below {folder}')
        chosen = self._chosen(found) if self.clip_list else found
        if self.pairs is not None:
            windows = [window for clip in chosen for window in windows_of(clip, self.frames, self.stride)]
            return [self._window_info(window) for window in windows]
        return [info for clip in chosen for info in self._frame_infos(clip)]

    def prepare_data(self, idx: int) -> Any:
        """Run the pipeline and say where the frame stands."""
        data = super().prepare_data(idx)
        if self.pairs is None and 'data_samples' in data:
            info = self.get_data_info(idx)
            data['data_samples'].set_metainfo({key: info[key] for key in CLIP_KEYS})
            if self.flow is not None and info['frame_index'] > 0:
                data['data_samples'].set_data(_flows(self.flow, self.get_data_info(idx - 1), info))
        return data

    def _chosen(self, found: Sequence[list[str]]) -> list[list[str]]:
        """The clips that the list names, each once, in the order of the data set."""
        position = {name: number for number, clip in enumerate(found) for name in clip}
        short: dict[str, list[str]] = {}  # without folders -> all that are called so
        for name in position:
            short.setdefault(name.rpartition('/')[2], []).append(name)
        wanted = set()
        for line in _read_lines(self.clip_list):
            name = strip_suffix(line, ('.txt', '.png', '.jpg', self.img_suffix, '_gtFine_labelIds.png', '.jpeg'))
            parts = strip_suffix(name, ('_leftImg8bit', '_gtFine_labelIds')).split('/')
            ends = ['/'.join(parts[-n:]) for n in range(len(parts), 0, -1)]
            names = next(([end] for end in ends if end in position), short.get(parts[-1], []))
            if len({position[name] for name in names}) != 1:
                what = f'may be {" and ".join(names[:2])}' if names else 'is no frame of a clip'
                raise ValueError(
                    f'clip_list: {line!r} in {self.clip_list} {what} below {self.data_prefix["img_path"]}; a line '
                    'should look like frankfurt/frankfurt_000000_000294'
                )
            wanted.add(position[names[0]])
        return [found[number] for number in sorted(wanted)]

    def _frame_infos(self, clip: Sequence[str]) -> list[dict]:
        infos = []
        for index, name in enumerate(clip):
            frames = self._frames_info((clip[max(index - 1, 0)], name))
            info = {
                'img_path': self._path('img_path', name),
                'image_colours': self.IMAGE_COLOURS,
                'reduce_zero_label': False,
                'seg_fields': [],
                'clip': clip[0],
                'frame_index': index,
                'frame_key': frames['frame_keys'][-1],
            }
            infos.append(info | (frames if self.previous_frame else {}))
        return infos


def _read_lines(path: str) -> list[str]:
    """Give the non-empty lines of a list of clips."""
    if not Path(path).is_file():
        raise FileNotFoundError(f'clip_list: no such list file: {path}; it names one clip a line')
    lines = [line.strip().replace('\\', '/') for line in Path(path).read_text(encoding='utf-8-sig').splitlines()]
    if not any(lines):
        raise ValueError(f"clip_list: {path} names no clip; write one a line, or leave clip_list=''.")
    return [line for line in lines if line]


def _flows(step: Callable, previous: dict, current: dict) -> dict[str, PixelData]:
    """Flow between a frame and the one before, as data fields."""
    if (previous['clip'], previous['frame_index']) != (current['clip'], current['frame_index'] - 1):
        raise ValueError(f'{current["img_path"]} has no frame before it in this data set: take whole clips')
    pair = (previous, current)
    flows = step(dict(frame_paths=[info['img_path'] for info in pair], frame_keys=[info['frame_key'] for info in pair]))
    fields = ((key, flows[key]) for key in ('flow_01', 'flow_10') if key in flows)
    return {f'tc_{key}': PixelData(data=torch.from_numpy(flow).permute(2, 0, 1)) for key, flow in fields}
