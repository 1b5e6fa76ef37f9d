"""Flow of the pairs of a source of frames: estimated, from a cache, or from files of any kind."""

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from i2vda_mmseg.fileio.frame_source import Pair
from i2vda_mmseg.flow import DISFlow, FlowCache, read_flow
from i2vda_mmseg.flow.cache import MANIFEST

Flows = dict[str, Tensor]  # 'F_01', 'F_10' or both -> (1, 2, H, W)
_SUFFIXES = ('.flo', '.npy', '.png')


class _EstimatedFlow:
    """Flow of DIS, in both directions."""

    title = 'DISFlow'
    size = None  # of the frames, where the flow knows it

    def __init__(self, pairs: list[Pair]) -> None:
        self.pairs = pairs
        self.estimator = DISFlow()

    def read(self, pair: Pair, frame_0: Tensor, frame_1: Tensor) -> Flows:
        """Estimate."""
        return {'F_01': self.estimator(frame_0, frame_1), 'F_10': self.estimator(frame_1, frame_0)}


class _CacheFlow:
    """Flow of a cache made by tools/precompute_flow.py."""

    def __init__(self, folder: Path, pairs: list[Pair]) -> None:
        self.cache = FlowCache(folder)
        self.title, self.size = str(folder), self.cache.size
        self.pairs = [pair for pair in pairs if self._held(pair)]
        if not self.pairs:
            raise ValueError(
                f'the cache {folder} holds none of the {len(pairs)} pairs, such as {pairs[0][0].key} with '
                f'{pairs[0][1].key}; SOURCE must be the data root that it was made for'
            )

    def read(self, pair: Pair, frame_0: Tensor, frame_1: Tensor) -> Flows:
        """Look both directions up."""
        return {name: to_tensor(self.cache.read(*keys)) for name, keys in self._held(pair).items()}

    def _held(self, pair: Pair) -> dict[str, tuple[str, str]]:
        keys = {'F_01': (pair[0].key, pair[1].key), 'F_10': (pair[1].key, pair[0].key)}
        return {name: ids for name, ids in keys.items() if self.cache.holds(*ids)}


class _FlowFiles:
    """Flow files that are matched to pairs by their names."""

    size = None

    def __init__(self, folder: Path, pairs: list[Pair]) -> None:
        frames = {frame.path.resolve() for pair in pairs for frame in pair}
        self.title = str(folder)
        self.files: dict[str, list[Path]] = {}
        for path in sorted(folder.rglob('*')):
            if path.suffix.lower() in _SUFFIXES and path.resolve() not in frames:
                self.files.setdefault(path.stem.removesuffix('_leftImg8bit'), []).append(path)
        self.pairs = [pair for pair in pairs if any(self._names(pair)[d] for d in ('F_01', 'F_10'))]
        if not self.pairs:
            raise ValueError(
                f'no file of {folder} belongs to one of the {len(pairs)} pairs; the first needs '
                f'{pairs[0][1].name}_F10.flo, {pairs[0][1].name}_F01.flo or another name of docs/flow.md'
            )

    def _names(self, pair: Pair) -> dict[str, str | None]:
        """Give the names of the pair's files, without endings; None where there is no file."""
        earlier, later = (frame.name for frame in pair)
        number = earlier[len(earlier.rstrip('0123456789')) :]
        known = {'F_01': (f'{later}_F01', earlier), 'F_10': (f'{later}_F10', f'{later}_{number}_int16_x10')}
        return {d: next((name for name in names if name in self.files), None) for d, names in known.items()}

    def read(self, pair: Pair, frame_0: Tensor, frame_1: Tensor) -> Flows:
        """Read the directions that are there."""
        flows = {}
        for direction, name in self._names(pair).items():
            if name is None:
                continue
            path, *others = self.files[name]
            if others:
                raise ValueError(f'{path} and {others[0]} have the same name; give the folder of one of them')
            flow = to_tensor(read_flow(path))
            if flow.shape[-2:] != frame_0.shape[-2:]:
                made, wanted = ('x'.join(map(str, t.shape[-2:])) for t in (flow, frame_0))
                raise ValueError(
                    f'{path} is of {made} (H x W), but the frames are of {wanted}; if the flow was made from resized '
                    f'frames, add --size {made}'
                )
            flows[direction] = flow
        return flows


def open_flow(folder: Path | None, pairs: list[Pair]) -> _EstimatedFlow | _CacheFlow | _FlowFiles:
    """Find out what a folder holds, and of which pairs.

    Args:
        folder: A cache, or flow files; None: flow is estimated.
        pairs: Those of the source.

    Raises:
        ValueError: If it is no folder, or holds flow of none of the pairs.
    """
    if folder is None:
        return _EstimatedFlow(pairs)
    if not folder.is_dir():
        raise ValueError(f'--flow {folder} is no folder')
    return _CacheFlow(folder, pairs) if (folder / MANIFEST).exists() else _FlowFiles(folder, pairs)


def to_tensor(array: np.ndarray) -> Tensor:
    """Turn a picture or flow (H, W, C) into (1, C, H, W), float32."""
    return torch.from_numpy(array).permute(2, 0, 1)[None].float()
