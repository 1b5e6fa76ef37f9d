"""Writing a StreetWorld to disk."""

import multiprocessing
import shutil
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import cv2
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from .clip import iterate_clip, render_still
from .layouts import write_cityscapes_frame, write_exact_flow, write_synthia, write_viper, write_viper_pair
from .looks import CAMERA, GAME
from .plan import WorldPlan, check_folder, mark_finished, mark_started

_KINDS = ('viper', 'synthia', 'train', 'val')
_STILLS_PER_TASK = 8
_Task = tuple[Path, WorldPlan, str, range]


def make_streetworld(  # noqa: PLR0913 - the parameters of a world, all by name
    out: str | Path,
    *,
    seed: int = 0,
    clips: int = 60,
    val_clips: int | None = None,
    frames: int = 30,
    images: int = 400,
    synthia_images: int | None = None,
    size: tuple[int, int] = (128, 256),
    workers: int = 1,
    flow: bool = False,
    previous_frames: bool = False,
    progress: bool = True,
    force: bool = False,
) -> Path:
    """Write a StreetWorld in the layouts of VIPER, SYNTHIA and Cityscapes.

    Every image and clip shows a street of its own and draws from (seed, kind, index) alone: the same arguments give
    the same bytes, whatever the number of workers, and the first n images of a larger world are those of a
    smaller one, but for the drive that ``previous_frames`` makes. Nothing is done if ``out`` already holds this very
    world; a making that was interrupted starts over.

    Args:
        out: Folder to fill: ``viper``, ``synthia``, ``cityscapes`` and ``world.json``.
        seed: Decides everything random.
        clips: Target clips to train on.
        val_clips: Target clips to evaluate on; None = as many as ``clips``, but at most 40.
        frames: Frames in a clip, at least 2. Frame 19 is the labelled one; a clip of fewer than 20 frames ends with it.
        images: Source images in VIPER's layout.
        synthia_images: Source images in SYNTHIA's layout; None = as many as ``images``, but at most 100.
        size: (H, W) of all pictures, in pixels.
        workers: Processes to share the work among.
        flow: Whether to write the exact flow between consecutive frames of the clips, in both directions.
        previous_frames: Whether to write the frame before each source image as well, for methods that read two frames.
            In VIPER's layout image ``*_00010`` gets ``*_00009``, without a label: image k and the frame before it are
            ``render_clip((seed, 0, k), 2, size, look=GAME)``. SYNTHIA's images become one drive, as they really are,
            ``render_clip((seed, 1, 0), synthia_images + 1, size, look=GAME)``, all labelled: ``000000`` is only the
            frame before ``000001``. ``exact_flow`` of these frames is the flow between them.
        progress: Whether to show a progress bar.
        force: Replace a StreetWorld in ``out`` that was made with other parameters, or make the same again.

    Raises:
        ValueError: If a number is out of range.
        FileExistsError: If ``out`` holds something else.
    """
    out = Path(out)
    val_clips = min(clips, WorldPlan.val_clips) if val_clips is None else val_clips
    synthia_images = min(images, WorldPlan.synthia_images) if synthia_images is None else synthia_images
    size = (size[0], size[1])
    plan = WorldPlan(seed, clips, val_clips, frames, images, synthia_images, size, flow, previous_frames)
    if workers < 1:
        raise ValueError(f'workers must be at least 1, but is {workers}.')
    if check_folder(out, plan, force=force):
        return out
    mark_started(out, plan)
    for name in ('viper', 'synthia', 'cityscapes'):
        shutil.rmtree(out / name, ignore_errors=True)
    counts = dict(zip(_KINDS, (images, synthia_images, clips, val_clips)))
    tasks = [task for kind in _KINDS for task in _tasks(out, plan, kind, counts[kind])]
    _run(tasks, workers, progress)
    mark_finished(out)
    return out


def _tasks(out: Path, plan: WorldPlan, kind: str, count: int) -> Iterator[_Task]:
    """Portions of work of about the length of a clip; a drive is one."""
    if kind == 'synthia' and plan.previous_frames and count:
        yield out, plan, 'drive', range(count + 1)
        return
    step = _STILLS_PER_TASK if kind in {'viper', 'synthia'} else 1
    for first in range(0, count, step):
        yield out, plan, kind, range(first, min(first + step, count))


def _run(tasks: list[_Task], workers: int, progress: bool) -> None:
    columns = TextColumn('StreetWorld'), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    with Progress(*columns, disable=not progress) as bar, _mapped(tasks, workers) as done:
        for _ in bar.track(done, total=len(tasks)):
            pass


@contextmanager
def _mapped(tasks: list[_Task], workers: int) -> Iterator[Iterable[None]]:
    if workers == 1:
        yield map(_write, tasks)
        return
    # Spawned rather than forked: forking a process in which threads of OpenCV or PyTorch run may hang.
    context = multiprocessing.get_context('spawn')
    with ProcessPoolExecutor(workers, mp_context=context, initializer=cv2.setNumThreads, initargs=(1,)) as pool:
        yield pool.map(_write, tasks)


def _write(task: _Task) -> None:
    out, plan, kind, indices = task
    if kind == 'drive':
        for index, frame in enumerate(iterate_clip((plan.seed, 1, 0), len(indices), plan.size, look=GAME)):
            write_synthia(out, index, frame)
        return
    for index in indices:
        key = (plan.seed, _KINDS.index(kind), index)
        if kind == 'viper' and plan.previous_frames:
            write_viper_pair(out, index, *iterate_clip(key, 2, plan.size, look=GAME))
        elif kind == 'viper':
            write_viper(out, index, render_still(key, plan.size))
        elif kind == 'synthia':
            write_synthia(out, index, render_still(key, plan.size))
        else:
            _write_clip(out, plan, kind, index, key)


def _write_clip(out: Path, plan: WorldPlan, split: str, index: int, key: tuple[int, ...]) -> None:
    previous = None
    for frame in iterate_clip(key, plan.frames, plan.size, look=CAMERA):
        write_cityscapes_frame(out, split, index, frame)
        if plan.flow and previous is not None:
            write_exact_flow(out, split, index, previous, frame)
        previous = frame
