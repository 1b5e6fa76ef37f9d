"""What a StreetWorld on disk consists of, and the file that says so."""

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

from i2vda_mmseg.fileio.atomic import write_atomically

from .layouts import SYNTHIA_LARGEST, VIPER_LARGEST

VERSION = 1  # raise it whenever the same parameters no longer give the same files
WORLD_FILE = 'world.json'
_PARTIAL_FILE = 'world.partial.json'


@dataclass(frozen=True)
class WorldPlan:
    """Parameters of a StreetWorld.

    The defaults of ``val_clips`` and ``synthia_images`` are also the most that ``make_streetworld`` makes unasked.

    Raises:
        ValueError: If a number is out of range.
    """

    seed: int = 0  # decides everything random
    clips: int = 60  # target clips to train on
    val_clips: int = 40  # target clips to evaluate on
    frames: int = 30  # frames in a clip, at least 2
    images: int = 400  # source images in VIPER's layout
    synthia_images: int = 100  # source images in SYNTHIA's layout
    size: tuple[int, int] = (128, 256)  # (H, W) in pixels
    flow: bool = False  # whether exact flow is written
    previous_frames: bool = False  # whether source images have the frame before beside them

    def __post_init__(self) -> None:
        largest = {'clips': 10**6, 'val_clips': 10**6, 'images': VIPER_LARGEST, 'synthia_images': SYNTHIA_LARGEST}
        for name, limit in largest.items():
            if not 0 <= getattr(self, name) <= limit:
                raise ValueError(f'{name} must lie in 0..{limit}, but is {getattr(self, name)}.')
        if self.seed < 0:
            raise ValueError(f'seed must not be negative, but is {self.seed}.')
        if self.frames < 2:
            raise ValueError(f'frames must be at least 2, a labelled frame and the one before, but is {self.frames}.')
        if len(self.size) != 2 or min(self.size) < 16:
            raise ValueError(f'size must be (H, W) of at least 16 pixels each, but is {self.size}.')

    def describe(self) -> dict:
        """This plan as ``world.json`` holds it."""
        return {'name': 'StreetWorld', 'version': VERSION, **asdict(self), 'size': list(self.size)}


def read_world(out: str | Path) -> dict | None:
    """What ``world.json`` in a folder says; None if there is no finished StreetWorld."""
    path = Path(out) / WORLD_FILE
    return json.loads(path.read_text(encoding='utf-8')) if path.is_file() else None


def check_folder(out: Path, plan: WorldPlan, *, force: bool) -> bool:
    """Whether ``out`` already holds what is planned.

    Raises:
        FileExistsError: If the folder holds something that must not be overwritten.
    """
    if not out.exists() or not any(out.iterdir()):
        return False
    is_partial, there = (out / _PARTIAL_FILE).is_file(), read_world(out)
    if there is None and not is_partial:
        raise FileExistsError(f'{out} is not empty and holds no StreetWorld (no {WORLD_FILE}). Choose an empty folder.')
    if there is None or is_partial:
        return False
    planned = plan.describe()
    there = {'previous_frames': False} | there  # worlds of older versions do not say
    differing = [
        f'{key}: {there.get(key)} there, {planned[key]} asked for' for key in planned if there.get(key) != planned[key]
    ]
    if differing and not force:
        raise FileExistsError(
            f'{out} holds a StreetWorld made otherwise ({"; ".join(differing)}). Choose another folder, or replace it '
            'with force (--force).'
        )
    return not differing and not force


def mark_started(out: Path, plan: WorldPlan) -> None:
    """Leave a note that a StreetWorld is in the making."""
    (out / WORLD_FILE).unlink(missing_ok=True)
    write_atomically(json.dumps(plan.describe(), indent=2) + '\n', out / _PARTIAL_FILE)


def mark_finished(out: Path) -> None:
    """Turn the note into ``world.json``, in one step."""
    os.replace(out / _PARTIAL_FILE, out / WORLD_FILE)
