"""A clip as several runs label it, made small enough for a page."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import numpy as np
from mmengine.config import Config
from mmseg.registry import DATASETS

from i2vda_mmseg.engine.frame_predictor import FramePredictor
from i2vda_mmseg.engine.loops.clip_test_loop import clip_dataloader
from i2vda_mmseg.fileio.frame_source import IMAGES, FrameSource
from i2vda_mmseg.fileio.frames import FRAME_COLOURS
from i2vda_mmseg.fileio.images import read_image
from i2vda_mmseg.fileio.video_reader import DEFAULT_FPS

from .clip_flicker import FlickerMeter, PairFlows, draw_flicker, flows_along
from .page import ClipPlayer, ReportOptions, Track
from .pictures import encode_labels, encode_photo, shrink
from .run_record import RunRecord, attempt

MAX_BYTES = 8_000_000  # of all pictures of the clip
_MAX_WIDTH = 640


class Clip(NamedTuple):
    """Frames that are read when they are needed."""

    name: str  # of the clip
    names: list[str]  # of the frames; of a folder or video, as many as there may be
    read: Callable[[], Iterator[np.ndarray]]  # gives an iterator over the frames, (H, W, 3), uint8, BGR
    fps: float  # frames a second


def find_clip(config: Config | None, wanted: str | None, max_frames: int) -> Clip:
    """Find the clip to show.

    Args:
        config: Of a run, for the clips of its test data; None where no run has one.
        wanted: A folder of frames or a video file; or a clip of the test data, by the name of any one of its frames;
            None takes the first one.
        max_frames: Frames of its beginning to take.

    Raises:
        FileNotFoundError: If there is no such clip.
        ValueError: If the test data have no clips.
    """
    if wanted is not None and Path(wanted).exists():
        source = FrameSource(wanted)
        count = min([max_frames, *(source.clip_starts - {0})])  # of a folder of several clips, the first
        names = [f'frame {number}' for number in range(count)]
        return Clip(Path(wanted).name, names, lambda: islice(iter(source), count), source.fps)
    if config is None:
        raise FileNotFoundError('no run has a config that names a data set; give --clip a folder of frames or a video')
    dataset = dict(clip_dataloader(config)['dataset'], pipeline=[], lazy_init=False)
    clips: dict[str, list[str]] = {}
    frames = DATASETS.build(dataset)
    for index in range(len(frames)):
        info = frames.get_data_info(index)
        clips.setdefault(info['clip'], []).append(info['img_path'])
    for name, paths in clips.items():
        if wanted is None or any(_is_called(path, wanted) for path in paths):
            return _of_files(name, paths[:max_frames])
    raise FileNotFoundError(f'--clip {wanted} is neither a folder, nor a video, nor a frame of a clip of the test data')


def _is_called(path: str, wanted: str) -> bool:
    """Whether a frame has the wanted name, or begins with it, and lies in the folder before it, if there is one."""
    folder, own = Path(wanted).parent.name, Path(path).parent.name
    return folder in ('', own) and f'{_stem(path)}_'.startswith(f'{_stem(wanted)}_')


def _stem(path: str) -> str:
    """Name of a frame, without its ending if there is one."""
    name = Path(path)
    return (name.stem if name.suffix.lower() in IMAGES else name.name).removesuffix('_leftImg8bit')


def _of_files(name: str, paths: list[str]) -> Clip:
    return Clip(
        name,
        [_stem(path) for path in paths],
        lambda: (read_image(path, colours=FRAME_COLOURS) for path in paths),
        DEFAULT_FPS,
    )


def encode_frames(frames: Iterable[np.ndarray]) -> tuple[list[str], tuple[int, int]]:
    """Encode frames, and give their width and height on the page."""
    uris, size = [], (0, 0)
    for frame in frames:
        small = shrink(frame[..., ::-1], _MAX_WIDTH)
        size = (small.shape[1], small.shape[0])
        uris.append(encode_photo(small))
    return uris, size


def encode_predictions(
    predictor: FramePredictor, frames: Iterable[np.ndarray], flows: PairFlows | None = None
) -> tuple[list[str], list[float]]:
    """Label frames in their order: the encoded labels, and the flicker of each pair along ``flows``, in percent."""
    predictor.begin_clip()
    uris, flicker = [], []
    meter = None if flows is None else FlickerMeter(flows, len(predictor.palette))
    for frame in frames:
        labels = predictor(frame).cpu()
        uris.append(encode_labels(shrink(labels.numpy(), _MAX_WIDTH, sharp=True), predictor.palette))
        if meter is not None:
            flicker += meter.add(labels)
    return uris, flicker


def affordable(frames: list[str], tracks: Iterable[list[str]], most: int = MAX_BYTES) -> int:
    """Tell how many frames, from the first one, fit into ``most`` bytes together with their labels; at least one.

    Example:
        >>> affordable(['1234', '1234', '1234'], [['12', '12', '12']], most=13)
        2
    """
    spent = count = 0
    for pictures in zip(frames, *tracks):
        spent += sum(map(len, pictures))
        if spent > most:
            break
        count += 1
    return max(1, count)


def make_player(
    runs: Sequence[RunRecord], configs: Sequence[Config | None], options: ReportOptions
) -> tuple[ClipPlayer | None, str]:
    """Label a clip with every run that can.

    Returns:
        The player, or None and why there is none.
    """
    if options.max_frames < 1:
        return None, 'None was asked for.'
    faults: list[str] = []
    clip = _first_clip(configs, options, faults)
    encoded = None if clip is None else attempt(faults, 'clip', encode_frames, clip.read())
    if clip is None or encoded is None:
        return None, f'There is {faults[0].rstrip(".")}.'
    frames, size = encoded
    flows = attempt(faults, 'flicker', flows_along, clip.read(), size)
    tracks, flicker = [], []
    for index, (run, config) in enumerate(zip(runs, configs)):
        if config is not None:
            options.tell(f'{run.name}: clip {clip.name}')
            found = attempt(run.missing, 'labels of the clip', _label, run, config, clip, options, flows)
            if found is not None:
                tracks.append(Track(index, found[0]))
                flicker.append((index, found[1]))
    count = affordable(frames, [track.uris for track in tracks])
    tracks = [Track(track.run, track.uris[:count]) for track in tracks]
    cut = f'The first {count} of {len(frames)} frames: more would make this page too large.'
    note = '' if count == len(frames) else cut
    chart = draw_flicker([(run, values[: count - 1]) for run, values in flicker])
    return ClipPlayer(clip.name, clip.names[:count], frames[:count], tracks, size, clip.fps, note, chart), ''


def _first_clip(configs: Sequence[Config | None], options: ReportOptions, faults: list[str]) -> Clip | None:
    for config in [config for config in configs if config is not None] or [None]:
        clip = attempt(faults, 'clip', find_clip, config, options.clip, options.max_frames)
        if clip is not None:
            return clip
    return None


def _label(
    run: RunRecord, config: Config, clip: Clip, options: ReportOptions, flows: PairFlows | None
) -> tuple[list[str], list[float]]:
    predictor = FramePredictor.load(config, run.weights(options.checkpoint_name).path, options.device)
    return encode_predictions(predictor, clip.read(), flows)
