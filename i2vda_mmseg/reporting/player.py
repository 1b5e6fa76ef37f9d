"""A clip with what all runs make of it."""

from collections.abc import Sequence

from mmengine.config import Config

from i2vda_mmseg.engine.frame_predictor import FramePredictor

from .attempt import attempt
from .clip import Clip, affordable, encode_frames, encode_predictions, find_clip
from .content import ClipPlayer, Track
from .options import ReportOptions
from .run_record import RunRecord


def make_player(
    runs: Sequence[RunRecord], configs: Sequence[Config | None], options: ReportOptions
) -> tuple[ClipPlayer | None, str]:
    """Label a clip with every run that can.

    Args:
        runs: The runs; why one cannot is added to its ``missing``.
        configs: Their configs, None for a run without.
        options: Which clip, and how much of it.

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
    tracks = []
    for index, (run, config) in enumerate(zip(runs, configs)):
        if config is not None:
            options.tell(f'{run.name}: clip {clip.name}')
            uris = attempt(run.missing, 'labels of the clip', _label, run, config, clip, options)
            tracks += [] if uris is None else [Track(index, uris)]
    count = affordable(frames, [track.uris for track in tracks])
    tracks = [Track(track.run, track.uris[:count]) for track in tracks]
    cut = f'The first {count} of {len(frames)} frames: more would make this page too large.'
    note = '' if count == len(frames) else cut
    return ClipPlayer(clip.name, clip.names[:count], frames[:count], tracks, size, clip.fps, note), ''


def _first_clip(configs: Sequence[Config | None], options: ReportOptions, faults: list[str]) -> Clip | None:
    for config in [config for config in configs if config is not None] or [None]:
        clip = attempt(faults, 'clip', find_clip, config, options.clip, options.max_frames)
        if clip is not None:
            return clip
    return None


def _label(run: RunRecord, config: Config, clip: Clip, options: ReportOptions) -> list[str]:
    predictor = FramePredictor.load(config, run.weights(options.checkpoint_name).path, options.device)
    return encode_predictions(predictor, clip.read())
