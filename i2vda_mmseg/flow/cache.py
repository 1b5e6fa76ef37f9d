"""A folder of flow fields that were estimated once."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any, Self

import numpy as np
from torch import Tensor

from i2vda_mmseg.fileio.atomic import write_atomically

from .fingerprint import describe_estimator, fingerprint
from .packed import SCALE, SUFFIX, VERSION, FlowHeader, read_packed, read_packed_header, write_packed
from .view import looks_like, view_of

MANIFEST = 'cache.json'
_FIELDS = frozenset(('version', 'scale', 'size', 'estimator', 'fingerprint'))


class FlowCache:
    """Flow fields on disk, by the paths of their two frames: what ``CachedFlow`` reads.

    ``cache.json`` says which estimator made them, with which weights, from frames of which size. There is one file for
    each ordered pair of frames, in a tree like that of the frames; their ids are paths relative to the data root.

    Args:
        root: Folder with a ``cache.json``.

    Attributes:
        size: (H, W) of the frames, in pixels.
        estimator: Description of the estimator, see ``describe_estimator``.
        fingerprint: The same in 32 digits; every file carries it.

    Raises:
        FileNotFoundError: If the folder is no flow cache.
        ValueError: If its ``cache.json`` is damaged or of another version.
    """

    def __init__(self, root: str | Path) -> None:
        self.root = Path(root)
        manifest = _read_manifest(self.root / MANIFEST)
        self.size: tuple[int, int] = tuple(manifest['size'])
        self.estimator: dict[str, Any] = manifest['estimator']
        self.fingerprint: str = manifest['fingerprint']

    @classmethod
    def create(cls, root: str | Path, estimator: Mapping[str, Any], size: tuple[int, int]) -> Self:
        """Start a cache, or open the one that is there if it is of this ``FlowEstimator`` and size, (H, W) in pixels.

        Raises:
            ValueError: If the folder holds a cache of another estimator or size.
        """
        path = Path(root) / MANIFEST
        if not path.exists():
            described = describe_estimator(estimator)
            manifest = dict(
                format='flow cache of i2vda_mmseg', version=VERSION, scale=SCALE, size=[int(size[0]), int(size[1])],
                direction=FlowHeader.direction, estimator=described, fingerprint=fingerprint(described),
            )  # fmt: skip
            manifest['checksum'] = _checksum(manifest)
            write_atomically(json.dumps(manifest, indent=2) + '\n', path)
        cache = cls(root)
        cache.require(estimator=estimator, size=size)
        return cache

    def require(self, estimator: Mapping[str, Any] | None = None, size: tuple[int, int] | None = None) -> None:
        """Refuse to stand in for another estimator, or to serve frames of another size.

        Raises:
            ValueError: With what the cache was made for, and what was asked.
        """
        if size is not None and tuple(size) != self.size:
            raise ValueError(
                f'the flow cache {self.root} was made for frames of {_by(self.size)} (H x W), not of {_by(size)}; '
                'make another one with tools/precompute_flow.py.'
            )
        if estimator is not None:
            described = describe_estimator(estimator)
            if fingerprint(described) != self.fingerprint:
                difference = _difference(self.estimator, described)
                raise ValueError(
                    f'the flow cache {self.root} was made by another estimator: {difference}. '
                    'Use the same one, or make another cache with tools/precompute_flow.py.'
                )

    def path(self, id_a: str, id_b: str) -> Path:
        """Name the file of the flow from a to b, whether it exists or not.

        Raises:
            ValueError: If an id is not a path below the data root.
        """
        a, b = _checked(id_a), _checked(id_b)
        unique = hashlib.blake2b(f'{id_a}\0{id_b}'.encode(), digest_size=4).hexdigest()  # b's folder may be another
        return self.root / a.parent / f'{a.stem[-80:]}_to_{b.stem[-80:]}.{unique}{SUFFIX}'

    def holds(self, id_a: str, id_b: str) -> bool:
        """Say whether there is a file for the flow from a to b, good or bad."""
        return self.path(id_a, id_b).is_file()

    def write(self, id_a: str, id_b: str, flow: np.ndarray, frame: Tensor | None = None) -> int:
        """Write the flow from a to b, and give the size of the file in bytes.

        The flow is (H, W, 2), pixels, on a's grid; ``frame``, which ``read`` knows again, is frame a as the estimator
        saw it, (3, H, W), RGB 0..255.

        Raises:
            ValueError: If the field is of another size, not finite, or beyond 512 px.
        """
        view = '' if frame is None else view_of(frame)
        return write_packed(self.path(id_a, id_b), flow, replace(self._header(id_a, id_b), view=view))

    def read(self, id_a: str, id_b: str, frame: Tensor | None = None) -> np.ndarray:
        """Read the flow from a to b: (H, W, 2), float32, pixels, on a's grid.

        ``frame`` is frame a as it is to be used, (3, H, W), RGB 0..255, or None: not compared with the one at writing.

        Raises:
            FileNotFoundError: If it is not there.
            ValueError: If the file is damaged, of another pair, direction, size or estimator, or of a frame that
                looked otherwise.
        """
        path = self._existing(id_a, id_b)
        flow, header = read_packed(path)
        self._compare(path, header, self._header(id_a, id_b))
        if frame is not None and header.view and not looks_like(frame, header.view):
            raise ValueError(
                f'{path}: the flow from {id_a} to {id_b} was estimated on a frame that looked otherwise than the one '
                'that it is asked for now. A step of the data pipeline, such as a flip, a crop or a change of colours, '
                'came or went since the cache was made: put LoadFlow before that step, estimate online with '
                'EstimateFlow, or make the cache again with tools/precompute_flow.py.'
            )
        return flow

    def check(self, id_a: str, id_b: str) -> int:
        """Check the file of the flow from a to b without unpacking the field, and give its size in bytes.

        Raises:
            FileNotFoundError: As ``read``.
            ValueError: As ``read``.
        """
        path = self._existing(id_a, id_b)
        self._compare(path, read_packed_header(path), self._header(id_a, id_b))
        return path.stat().st_size

    def _header(self, id_a: str, id_b: str) -> FlowHeader:
        return FlowHeader(id_a, id_b, *self.size, self.fingerprint)

    def _existing(self, id_a: str, id_b: str) -> Path:
        path = self.path(id_a, id_b)
        if not path.is_file():
            reverse = ' (it has the opposite direction)' if self.holds(id_b, id_a) else ''
            raise FileNotFoundError(
                f'the flow cache {self.root} has no flow from {id_a} to {id_b}{reverse}; complete it with '
                'tools/precompute_flow.py --resume, which makes the flow of target pairs, or let an online= estimator '
                f'make what is missing (no file {path}).'
            )
        return path

    def _compare(self, path: Path, found: FlowHeader, wanted: FlowHeader) -> None:
        if replace(found, view='') == wanted:
            return
        if (found.id_a, found.id_b) == (wanted.id_b, wanted.id_a):
            reason = f'the opposite direction, from {found.id_a} to {found.id_b}'
        elif (found.id_a, found.id_b) != (wanted.id_a, wanted.id_b):
            reason = f'the flow of another pair, from {found.id_a} to {found.id_b}'
        elif (found.height, found.width) != self.size:
            reason = f'a flow of {found.height}x{found.width} (H x W), not of {_by(self.size)} as {MANIFEST} says'
        elif found.estimator != wanted.estimator:
            reason = f'the flow of another estimator ({found.estimator}, not {wanted.estimator})'
        else:
            reason = f'steps of 1/{found.scale} px, not 1/{wanted.scale}'
        raise ValueError(
            f'{path} does not belong here: it holds {reason}. Delete it, and make it again with '
            'tools/precompute_flow.py --resume.'
        )


def _read_manifest(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise FileNotFoundError(
            f'{path.parent} is no flow cache: it has no {MANIFEST}. Make one with tools/precompute_flow.py CONFIG.'
        )
    try:
        manifest = json.loads(path.read_bytes())
        intact = isinstance(manifest, dict) and manifest.pop('checksum', None) == _checksum(manifest)
        if missing := _FIELDS.difference(manifest if intact else _FIELDS):
            raise ValueError(f'it does not say {", ".join(sorted(missing))}')
    except ValueError as error:
        raise ValueError(f'{path} is damaged: {error}. Make the cache again with tools/precompute_flow.py.') from error
    if not intact:
        raise ValueError(
            f'{path} is damaged: its checksum does not fit what it says. Make the cache again with '
            'tools/precompute_flow.py.'
        )
    if manifest['version'] != VERSION or manifest['scale'] != SCALE:
        raise ValueError(
            f'{path} is of version {manifest["version"]} in steps of 1/{manifest["scale"]} px, but this release reads '
            f'version {VERSION} in steps of 1/{SCALE} px. Make the cache again with tools/precompute_flow.py.'
        )
    return manifest


def _checksum(manifest: Mapping[str, Any]) -> str:
    return hashlib.blake2b(json.dumps(manifest, sort_keys=True).encode(), digest_size=16).hexdigest()


def _checked(frame_id: str) -> PurePosixPath:
    path = PurePosixPath(frame_id)
    if not path.name or path.is_absolute() or '..' in path.parts or '\\' in frame_id or '\0' in frame_id:
        raise ValueError(f'{frame_id!r} is no key of a flow cache: it must be a path below the data root.')
    return path


def _by(size: tuple[int, int]) -> str:
    return f'{size[0]}x{size[1]}'


def _difference(made: Mapping[str, Any], asked: Mapping[str, Any]) -> str:
    """Name the first settings that differ."""
    if made['type'] != asked['type']:
        return f'by {made["type"]}, not {asked["type"]}'
    names = [name for name in {**made, **asked} if made.get(name) != asked.get(name)]
    return ', '.join(f'{name}={made.get(name)!r}, not {asked.get(name)!r}' for name in names)
