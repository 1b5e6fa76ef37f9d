"""What tools/segment_video.py does with a config and a checkpoint: CONFIG CHECKPOINT SOURCE --out out.mp4."""

import argparse
import json
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config, DictAction
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from i2vda_mmseg.apis import Cut, VideoSummary, segment_video, tc_metric
from i2vda_mmseg.apis.command_line import run_tool
from i2vda_mmseg.apis.launch import load_config
from i2vda_mmseg.engine.checkpoints import trust_checkpoints
from i2vda_mmseg.engine.frame_predictor import FramePredictor, SmoothedPredictor, find_test_dataset, read_metainfo
from i2vda_mmseg.evaluation import TC_PRESETS, TemporalConsistency
from i2vda_mmseg.evaluation.metrics_file import plain_figure
from i2vda_mmseg.fileio.atomic import write_atomically
from i2vda_mmseg.reporting.without_labels import VIDEOS
from i2vda_mmseg.runtime import ProbabilitySmoother
from i2vda_mmseg.runtime.command import SMOOTH_HELP
from i2vda_mmseg.runtime.smoothing import SHARE
from i2vda_mmseg.runtime.stop import Stop


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description='Segment every frame of a video or of a folder of frames')
    parser.add_argument('config', help='config file, configs/<method>/<name>.py')
    parser.add_argument('checkpoint', help='checkpoint of the method, or of a plain EncoderDecoder')
    parser.add_argument('source', help='video file, or folder of frames in the order of their numbers')
    parser.add_argument('--out', metavar='FILE.mp4', help='video to write; without it, only measure')
    parser.add_argument('--masks', metavar='DIR', help='folder for class indices, a grey PNG a frame')
    parser.add_argument('--start', type=int, default=0, metavar='N', help='first frame, from 0')
    parser.add_argument('--end', type=int, metavar='N', help='the frame after the last; default: all')
    parser.add_argument('--every', type=int, default=1, metavar='N', help='take each N-th frame')
    parser.add_argument('--opacity', type=float, default=0.5, help='of the colours over the frame, 0..1')
    parser.add_argument('--legend', action='store_true', help='names and colours of the classes in a strip below')
    parser.add_argument(
        '--tc', action='store_true', help="temporal consistency and flicker, by the config's tc_evaluator"
    )
    parser.add_argument('--smooth', type=float, nargs='?', const=SHARE, metavar='SHARE', help=SMOOTH_HELP)
    parser.add_argument('--side-by-side', metavar='CHECKPOINT', help='another checkpoint, shown to the right')
    parser.add_argument('--side-by-side-config', metavar='CONFIG', help='its config; default: the same')
    parser.add_argument('--device', default='cuda' if torch.cuda.is_available() else 'cpu')
    parser.add_argument('--trust-checkpoint', action='store_true', help='load it even if that runs code in it')
    parser.add_argument(
        '--cfg-options', nargs='+', action=DictAction, metavar='KEY=VALUE', help='override settings of the config'
    )
    args = parser.parse_args()
    if not (args.out or args.tc or args.masks):
        parser.error('nothing to do: give --out, --masks, --tc or several of them')
    return args


def main() -> int:
    """Segment, with a progress bar, and print what was measured."""
    args = parse_args()
    trust_checkpoints(args.trust_checkpoint)
    runs = [(args.config, args.checkpoint)]
    if args.side_by_side:
        runs.append((args.side_by_side_config or args.config, args.side_by_side))
    configs = [load_config(config, args.cfg_options) for config, _ in runs]
    loaded = [FramePredictor.load(config, checkpoint, args.device) for config, (_, checkpoint) in zip(configs, runs)]
    smoothers = [] if args.smooth is None else [ProbabilitySmoother(args.smooth) for _ in loaded]
    predictors = list(map(SmoothedPredictor, loaded, smoothers)) if smoothers else loaded
    metrics = [tc_metric(config, args.device) for config in configs] if args.tc else []
    columns = (TextColumn('frames'), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns) as bar, Stop() as stop:
        task = bar.add_task('frames', total=None)
        summary = segment_video(
            predictors,
            args.source,
            args.out,
            args.opacity,
            metrics,
            progress=lambda done, total: bar.update(task, completed=done, total=max(total, done)),
            masks=args.masks,
            cut=Cut(args.start, args.end, args.every),
            legend=legend_of(configs[0]) if args.legend else (),
            stop=stop,
        )
    report(summary, [checkpoint for _, checkpoint in runs], metrics, args.out)
    for smoother in smoothers:
        print(smoother.report())
    if stop.number:
        print(f'stopped: figures of a part of the video are not kept, {args.out or args.masks} holds what came before')
        return stop.code
    if metrics:
        figures = [dict(row, source=args.source, smooth=args.smooth) for row in figures_of(summary, runs, metrics)]
        written = []
        if args.out:
            written.append(Path(args.out).with_suffix('.json'))
            write_atomically(json.dumps(figures, indent=2, allow_nan=False) + '\n', written[-1])
        written += [add_figures(Path(row['checkpoint']).with_name(VIDEOS), row) for row in figures]
        print(f'figures: {", ".join(map(str, dict.fromkeys(written)))}')
    return 0


def add_figures(path: Path, row: dict[str, Any]) -> Path:
    """Add what was measured to the work dir's file, in place of what is known of this checkpoint and video."""
    about = ('checkpoint', 'source', 'smooth')
    try:
        known = json.loads(path.read_text(encoding='utf-8')) if path.is_file() else []
    except ValueError as error:
        raise ValueError(f'{path}, where figures are added, is no JSON ({error}); remove it') from error
    others = [other for other in known if any(other.get(key) != row[key] for key in about)]
    write_atomically(json.dumps([*others, row], indent=2, allow_nan=False) + '\n', path)
    return path


def legend_of(config: Config) -> list[tuple[str, list[int]]]:
    """Names and colours of the classes that a config tests on."""
    meta = read_metainfo(find_test_dataset(config))
    return [*zip(meta['classes'], meta['palette'])]


def report(summary: VideoSummary, checkpoints: list[str], metrics: list[TemporalConsistency], out: str | None) -> None:
    """Print one line, and one more for each checkpoint that was measured."""
    speed = summary.frames / summary.seconds
    print(f'{summary.frames} frames in {summary.seconds:.1f} s, {speed:.1f} a second' + (f': {out}' if out else ''))
    for name, metric, tc, flicker in zip(checkpoints, metrics, summary.tc or [], summary.flicker or []):
        counted = f'{summary.pairs} pairs of {summary.clips} clips'
        print(f'{name}: TC {tc:.4f}, flicker {flicker:.4f} ({describe(metric)}, {counted}, shares in 0..1)')


def figures_of(
    summary: VideoSummary, runs: list[tuple[str, str]], metrics: list[TemporalConsistency]
) -> list[dict[str, Any]]:
    """One row a checkpoint: what was measured, and what it is about."""
    measured = zip(runs, metrics, summary.tc or [], summary.flicker or [])
    return [
        dict(
            checkpoint=checkpoint, config=config, TC=plain_figure(tc), flicker=plain_figure(flicker),
            pairs=summary.pairs, clips=summary.clips, frames=summary.frames,
            protocol=metric.protocol, preset=metric.preset,
            switches=metric.switches._asdict(), flow_estimator=type(metric.flow_estimator).__name__,
        )
        for (config, checkpoint), metric, tc, flicker in measured
    ]  # fmt: skip


def describe(metric: TemporalConsistency) -> str:
    """What a figure is about: protocol, preset and what differs from it, flow estimator."""
    switches, preset = metric.switches._asdict(), TC_PRESETS[metric.preset]._asdict()
    changed = [f'{name}={value}' for name, value in switches.items() if value != preset[name]]
    preset_and_changes = ' '.join([f'preset {metric.preset}', *changed])
    return f'protocol {metric.protocol}, {preset_and_changes}, {type(metric.flow_estimator).__name__}'


if __name__ == '__main__':
    run_tool(main)
