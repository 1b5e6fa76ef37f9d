"""What averaging probabilities over time brings: mIoU, TC and flicker of trained networks, with and without --smooth.

On clips of streets that no training has seen, rendered here with their exact flow. mIoU is of the labelled frame, the
last of each clip. Temporal consistency (preset clean) is measured along DIS flow, which the averages follow too, and
along the exact flow, which they do not know. The same probabilities go into every row.

    python benchmarks/smoothing.py WORK_DIR/iter_800.pth... [--json FILE]
"""

import argparse
import json
import logging
import statistics
import tempfile
from collections.abc import Iterator, Sequence
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from mmengine.config import Config
from mmseg.registry import DATASETS, METRICS
from rich.console import Console
from rich.progress import track
from rich.table import Table

from i2vda_mmseg.apis import tc_metric
from i2vda_mmseg.apis.command_line import run_tool
from i2vda_mmseg.apis.launch import load_config
from i2vda_mmseg.engine.frame_predictor import FramePredictor
from i2vda_mmseg.evaluation.consistency_stream import ConsistencyStream
from i2vda_mmseg.fileio.atomic import write_atomically
from i2vda_mmseg.fileio.frame_source import FrameSource
from i2vda_mmseg.flow.formats import read_flo
from i2vda_mmseg.reporting.run_record import read_run
from i2vda_mmseg.runtime import ProbabilitySmoother
from i2vda_mmseg.runtime.smoothing import dis_flow
from i2vda_mmseg.streetworld import make_streetworld

FLOWS = ('DIS', 'exact')
FIGURES = ('mIoU', *(f'{figure}, {flow} flow' for flow in FLOWS for figure in ('TC', 'flicker')))
_IMAGES, _IMAGE = 'leftImg8bit_sequence/val', '_leftImg8bit'


class Moment(NamedTuple):
    """A frame of a clip, and what does not depend on averaging."""

    frame: np.ndarray  # (H, W, 3), uint8, BGR
    begins: bool
    probs: np.ndarray  # (C, H, W), float32
    flows: dict[str, Sequence[torch.Tensor] | None]  # by ``FLOWS``: (2, H, W) from the frame before and back
    labels: torch.Tensor | None  # (H, W), where it is labelled


def main() -> None:
    """Measure every checkpoint, and print means over them."""
    args = parse_args()
    logging.disable(logging.WARNING)
    settings: dict[str, ProbabilitySmoother] = {'without': ProbabilitySmoother(0.0)}
    settings |= {f'{share:g} of the past': ProbabilitySmoother(share) for share in args.shares}
    fast = partial(dis_flow, preset='fast')
    settings['0.5 of the past, DIS fast'] = ProbabilitySmoother(0.5, flow=fast)
    with tempfile.TemporaryDirectory() as folder:
        data = make_streetworld(
            Path(folder) / 'street', images=0, synthia_images=0, clips=0, val_clips=args.clips, frames=args.frames,
            size=(128, 256), seed=args.seed, flow=True,
        )  # fmt: skip
        networks: dict[str, list[dict[str, dict[str, float]]]] = {}
        for checkpoint in args.checkpoints:
            config = config_of(checkpoint)
            figures = measure(config, checkpoint, data / 'cityscapes', settings)
            networks.setdefault(config.model.type, []).append(figures)
    rows = {
        method: {name: {figure: [each[name][figure] for each in found] for figure in FIGURES} for name in settings}
        for method, found in networks.items()
    }
    for method, figures in rows.items():
        Console(width=140).print(table(method, figures))
    for name, smoother in settings.items():
        print(f'{name}: {smoother.report()}')
    if args.json:
        about = dict(date=date.today().isoformat(), clips=args.clips, frames=args.frames, seed=args.seed)
        write_atomically(json.dumps(dict(about, networks=rows), indent=1) + '\n', args.json)


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description='Measure what averaging over time brings')
    parser.add_argument('checkpoints', nargs='+', help='each in its work dir, where its config is')
    parser.add_argument('--shares', nargs='+', type=float, default=[0.3, 0.5, 0.7], help='of the past')
    parser.add_argument('--clips', type=int, default=60)
    parser.add_argument('--frames', type=int, default=10, help='of a clip')
    parser.add_argument('--seed', type=int, default=100, help='of the streets')
    parser.add_argument('--json', metavar='FILE', help='also write the figures there')
    return parser.parse_args()


def config_of(checkpoint: str) -> Config:
    """Load the config that the run saved beside its checkpoints."""
    record = read_run(Path(checkpoint).parent)
    if record.config is None:
        raise ValueError(f'{checkpoint}: {record.missing[-1]}')
    return load_config(record.config.filename)


def measure(
    config: Config, checkpoint: str, data: Path, settings: dict[str, ProbabilitySmoother]
) -> dict[str, dict[str, float]]:
    """Test a network on all clips: its figures, in percent, by setting."""
    config.test_dataloader.dataset.data_root = str(data)
    predictor, metric = FramePredictor.load(config, checkpoint), tc_metric(config)
    judges = {name: Judge(smoother, config, metric) for name, smoother in settings.items()}
    shown = track(moments(config, data, predictor, metric), total=None, description=checkpoint)
    for moment in shown:
        for judge in judges.values():
            judge.see(moment)
    return {name: judge.figures() for name, judge in judges.items()}


class Judge:
    """Counts what one setting makes of the moments.

    Args:
        smoother: Averages as the setting says.
        config: Says how mIoU is measured.
        metric: How temporal consistency is.
    """

    def __init__(self, smoother: ProbabilitySmoother, config: Config, metric: Any) -> None:
        self._smoother, self._metric = smoother, metric
        classes = len(metric.dataset_meta['classes'])
        self._streams = {flow: ConsistencyStream(metric.flow_estimator, classes, metric.switches) for flow in FLOWS}
        self._iou = METRICS.build(config.test_evaluator)
        self._iou.dataset_meta, self._labelled = metric.dataset_meta, 0

    def see(self, moment: Moment) -> None:
        """Average and count a frame."""
        for follower in (self._smoother, *self._streams.values()) if moment.begins else ():
            follower.begin_clip()
        labels = torch.from_numpy(self._smoother(moment.probs, moment.frame).argmax(axis=0))
        for flow, stream in self._streams.items():
            stream.add(labels, moment.frame[..., ::-1], flows=moment.flows[flow])
        if moment.labels is not None:
            self._iou.process({}, [sample(labels, moment.labels)])
            self._labelled += 1

    def figures(self) -> dict[str, float]:
        """Give ``FIGURES``, in percent."""
        found = {'mIoU': self._iou.evaluate(self._labelled)['mIoU']}
        for flow, stream in self._streams.items():
            figures = self._metric.figures(stream.counts)
            found |= {f'{figure}, {flow} flow': 100 * figures[figure] for figure in ('TC', 'flicker')}
        return found


def moments(config: Config, data: Path, predictor: FramePredictor, metric: Any) -> Iterator[Moment]:
    """Give frame after frame of all clips, with the network's probabilities, both flows and the label."""
    dataset = DATASETS.build(config.test_dataloader.dataset)
    labels = {
        Path(dataset.get_data_info(i)['img_path']).stem.removesuffix(_IMAGE): dataset[i][
            'data_samples'
        ].gt_sem_seg.data[0]
        for i in range(len(dataset))
    }
    source = FrameSource(data / _IMAGES)
    names = [frame.name for clip in source.clips for frame in clip]
    before: torch.Tensor | None = None
    for position, (name, frame) in enumerate(zip(names, source)):
        begins = position in source.clip_starts
        image = torch.from_numpy(np.ascontiguousarray(frame[..., ::-1])).movedim(-1, 0)[None].float()
        flows: dict[str, Sequence[torch.Tensor] | None] = dict.fromkeys(FLOWS)
        if before is not None and not begins:
            both = metric.flow_estimator(torch.cat([before, image]), torch.cat([image, before]))
            flows = dict(DIS=list(both), exact=exact_flows(data, name))
        before = image
        yield Moment(frame, begins, predictor.probabilities(frame).numpy(), flows, labels.get(name))


def exact_flows(data: Path, name: str) -> list[torch.Tensor]:
    """Read the flow from the frame before, and back."""
    folder = data / 'flow' / 'val'
    paths = [next(folder.rglob(f'{name}_{direction}.flo')) for direction in ('F01', 'F10')]
    return [torch.from_numpy(read_flo(path)).movedim(-1, 0) for path in paths]


def sample(predicted: torch.Tensor, labels: torch.Tensor) -> dict[str, Any]:
    """Lay a prediction and its label out as a data sample."""
    size = tuple(labels.shape)
    return dict(
        pred_sem_seg=dict(data=predicted[None]), gt_sem_seg=dict(data=labels[None]), ori_shape=size, img_shape=size
    )


def table(method: str, rows: dict[str, dict[str, list[float]]]) -> Table:
    """Lay the means out, with what each setting adds to 'without', and the deviation of that over the checkpoints."""
    made = Table(
        '', *FIGURES, title=f'{method}, percent; difference from without, mean and deviation over the checkpoints'
    )
    for name, figures in rows.items():
        cells = []
        for figure, values in figures.items():
            differences = [a - b for a, b in zip(values, rows['without'][figure])]
            spread = f' ± {statistics.stdev(differences):.1f}' if len(values) > 1 else ''
            added = '' if name == 'without' else f' ({statistics.fmean(differences):+.1f}{spread})'
            cells.append(f'{statistics.fmean(values):.1f}{added}')
        made.add_row(name, *cells)
    return made


if __name__ == '__main__':
    run_tool(main)
