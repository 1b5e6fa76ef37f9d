"""The command line of exported networks: segment_video MODEL SOURCE."""

import argparse
import sys
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn

from i2vda_mmseg.fileio.atomic import require_another_file
from i2vda_mmseg.fileio.video_reader import DEFAULT_FPS, VideoReader
from i2vda_mmseg.fileio.video_writer import VideoWriter

from .labeller import FrameLabeller
from .live import STALL, LiveSource, is_live
from .networks import ExportedNetwork, RuntimeOptions, open_network
from .operator_page import OperatorPage
from .segment import Progress, StreamSummary, segment_stream
from .sinks import Sinks
from .smoothing import SHARE, ProbabilitySmoother, SmoothedLabeller
from .stop import Stop
from .video_loop import Cut, Taken, bgr_palette, require_masks_apart, take

Opener = Callable[[str, RuntimeOptions], ExportedNetwork]
SMOOTH_HELP = (
    f'average probabilities over time along the optical flow; SHARE of the past in 0..1, default {SHARE}. It takes two '
    'flows a frame (DIS, on the CPU), and the frame before in memory'
)
_STOPPED = 130  # 128 + SIGINT, as of a shell


class VideoFrames(VideoReader):
    """A video file as one clip, without what reading folders of pictures needs."""

    clips: tuple[()] = ()
    clip_starts = frozenset([0])


def run(open_model: Opener = open_network) -> NoReturn:
    """Run the command and exit; a mistake in a file or an argument is one sentence.

    Args:
        open_model: Loads the network.
    """
    try:
        main(sys.argv[1:], open_model)
    except KeyboardInterrupt:
        sys.exit(_STOPPED)
    except (OSError, ValueError, ImportError) as error:
        sys.stderr.write(f'{Path(sys.argv[0]).stem}: {error}\n')
        sys.exit(1)
    sys.exit(0)


def main(arguments: list[str], open_model: Opener = open_network) -> StreamSummary:
    """Segment a source with an exported network, and print what was done.

    Args:
        arguments: Those of the command line.
        open_model: Loads the network.

    Raises:
        FileNotFoundError: If there is no such model or source.
        ValueError: If one of them cannot be read, or an argument is out of range.
        OSError: If something cannot be written, or a live source went away: what was written until then is whole.
        SystemExit: If SIGINT or SIGTERM stopped it within a file: what was written until then is whole as well.
    """
    args = parse_args(arguments)
    settings = tuple((name, value) for name, _, value in (each.partition('=') for each in args.setting))
    options = RuntimeOptions(args.threads, tuple(args.provider), args.device, settings)
    network = open_model(args.model, options)
    size = None if args.size in (None, 'frame') else _size(args.size)
    labeller = _smoothed(FrameLabeller(network, size, as_is=args.size == 'frame'), args.smooth)
    live = LiveSource(args.source, args.live, args.stall) if is_live(args.source) else None
    frames, fps = _frames(args) if live is None else (live, live.fps)
    with ExitStack() as stack:
        stop = stack.enter_context(Stop())
        writer = stack.enter_context(VideoWriter(args.out, fps)) if args.out else None
        page = stack.enter_context(OperatorPage(args.serve)) if args.serve is not None else None
        if page is not None:
            sys.stderr.write(f'open {page.address}\n')
        sinks = Sinks([bgr_palette(labeller.palette)], args.opacity, writer, args.masks and Path(args.masks), page)
        keeps_time = fps if live is not None and args.live else None
        summary = segment_stream([labeller], stop.until(frames), sinks, args.batch, keeps_time, _progress(live))
    _report(summary, args, network, live)
    if isinstance(labeller, SmoothedLabeller):
        sys.stdout.write(f'{labeller.smoother.report()}\n')
    kept = f'; {args.out} holds what came before' if args.out and summary.frames else ''
    if stop.number and live is None:
        sys.stderr.write(f'{Path(sys.argv[0]).stem}: stopped after {summary.frames} frames{kept}\n')
        sys.exit(stop.code)
    if live is not None and live.fault and not stop.number:
        raise OSError(f'{live.fault}{kept}')
    if not summary.frames and not stop.number:
        raise ValueError(f'{args.source} has no frame from {args.start} on')
    return summary


def parse_args(arguments: list[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description='Segment a video with an exported network')
    add = parser.add_argument
    add('model', help='what tools/export.py wrote: .onnx, .xml or .pt2')
    add('source', help='video file, folder of frames, camera:N, rtsp://... or another stream, or - for a pipe')
    add('--out', metavar='FILE.mp4', help='video to write')
    add('--masks', metavar='DIR', help='folder for class indices, a grey PNG a frame')
    add('--serve', type=int, metavar='PORT', help='show the latest frame on http://127.0.0.1:PORT/; 0: a free port')
    add('--live', action='store_true', help='of a live source: drop frames rather than lag')
    add('--stall', type=float, default=STALL, metavar='SECONDS', help='without a frame: the live source is gone')
    add('--start', type=int, default=0, metavar='N', help='of a file: first frame, from 0')
    add('--end', type=int, metavar='N', help='of a file: the frame after the last; default: all')
    add('--every', type=int, default=1, metavar='N', help='of a file: take each N-th frame')
    add('--opacity', type=float, default=0.5, help='of the colours over the frame, 0..1')
    add('--size', metavar='WxH', help="what frames are resized to; 'frame': nothing; default: as the config tests")
    add('--smooth', type=float, nargs='?', const=SHARE, metavar='SHARE', help=SMOOTH_HELP)
    add('--batch', type=int, default=1, metavar='N', help='frames that the network is given at once')
    add('--threads', type=int, metavar='N', help="of the network; default: the runtime's own choice")
    add('--provider', nargs='+', default=[], metavar='NAME', help='of ONNX Runtime, as CUDAExecutionProvider')
    add('--device', default='CPU', help='of OpenVINO (CPU, GPU, NPU) or of a .pt2 (CPU, CUDA)')
    add('--setting', nargs='+', default=[], metavar='NAME=VALUE', help='of the session, or property of OpenVINO')
    args = parser.parse_args(arguments)
    _check(args, parser)
    return args


def _check(args: argparse.Namespace, parser: argparse.ArgumentParser) -> None:
    if args.out is None and args.masks is None and args.serve is None:
        parser.error('nothing to do: give --out, --masks, --serve or several of them')
    if not 0 <= args.opacity <= 1:
        parser.error(f'--opacity must be in 0..1, got {args.opacity}')
    if args.batch < 1 or (args.threads is not None and args.threads < 1):
        parser.error('--batch and --threads must be 1 or more')
    if args.live and not is_live(args.source):
        parser.error(f'--live: {args.source} is a file, whose frames wait; a live source is camera:N, a stream or -')
    if is_live(args.source) and (args.batch > 1 or args.start or args.end is not None or args.every > 1):
        parser.error('--batch, --start, --end and --every are for files; a live source has no frame to wait for')
    if any('=' not in each for each in args.setting):
        parser.error('--setting: expected NAME=VALUE')
    if args.out:
        try:
            require_another_file(args.out, args.source, 'the video to segment')
        except ValueError as error:
            parser.error(str(error))


def _smoothed(labeller: FrameLabeller, share: float | None) -> FrameLabeller | SmoothedLabeller:
    return labeller if share is None else SmoothedLabeller(labeller, ProbabilitySmoother(share))


def _size(text: str) -> tuple[int, int]:
    width, _, height = text.partition('x')
    if not (width.isdecimal() and height.isdecimal() and int(width) and int(height)):
        raise ValueError(f"--size: expected WIDTHxHEIGHT, as 1024x512, or 'frame'; got {text!r}")
    return int(width), int(height)


def _frames(args: argparse.Namespace) -> tuple[Iterable[Taken], float]:
    """Open a file or a folder: its frames, and how many a second."""
    cut = Cut(args.start, args.end, args.every)
    cut.check()
    source: Any
    if Path(args.source).is_file():
        source = VideoFrames(args.source)
    else:  # pictures need Pillow
        source = import_module('i2vda_mmseg.fileio.frame_source').FrameSource(args.source)
        if source.warning:
            sys.stderr.write(f'{args.source}: {source.warning}\n')
    require_masks_apart(source, args.masks and Path(args.masks))
    return take(source, cut), source.fps or DEFAULT_FPS


def _progress(live: LiveSource | None) -> Callable[[Progress], None]:
    """Show in one line of a terminal how far it has come."""
    if not sys.stderr.isatty():
        return lambda progress: None

    def _show(progress: Progress) -> None:
        of = f' of {progress.total}' if progress.total else ''
        late = '' if live is None else f', {1000 * progress.latency:.0f} ms late, {live.dropped} dropped'
        sys.stderr.write(f'\r{progress.done}{of} frames{late}   ')

    return _show


def _report(
    summary: StreamSummary, args: argparse.Namespace, network: ExportedNetwork, live: LiveSource | None
) -> None:
    if sys.stderr.isatty():
        sys.stderr.write('\n')
    speed = summary.frames / summary.seconds if summary.seconds else 0.0
    where = f': {args.out or args.masks}' if args.out or args.masks else ''
    sys.stdout.write(
        f'{summary.frames} frames in {summary.seconds:.1f} s, {speed:.1f} a second, by {network.runtime}{where}\n'
    )
    if live is not None and summary.frames:
        median, high = 1000 * summary.latency, 1000 * summary.latency_p95
        sys.stdout.write(f'labels {median:.0f} ms after a frame (95 %: {high:.0f} ms), {live.dropped} frames dropped\n')
