"""Estimate the flow of every target training pair, both directions, once: tools/precompute_flow.py CONFIG.

With --clips, of the pairs that temporal consistency is measured on: tools/test.py --tc --tc-flow FOLDER reads those.
"""

import argparse
import multiprocessing
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from functools import reduce
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import torch
from mmengine.config import Config, ConfigDict, DictAction
from mmengine.registry import init_default_scope
from mmseg.registry import DATASETS, MODELS
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from torch import Tensor

import i2vda_mmseg  # noqa: F401 - registers everything, in spawned workers too
from i2vda_mmseg.apis.command_line import run_tool
from i2vda_mmseg.apis.config_flow import FLOW_STEPS, flow_of_step, flow_users, training_estimator
from i2vda_mmseg.apis.launch import load_config
from i2vda_mmseg.apis.testing import clip_pairs
from i2vda_mmseg.datasets.seeding import seeded
from i2vda_mmseg.fileio.atomic import remove_unfinished
from i2vda_mmseg.flow import FlowCache
from i2vda_mmseg.flow.cache import MANIFEST
from i2vda_mmseg.flow.fingerprint import describe_estimator, fingerprint

DRAWS = 8  # readings of one pair that must agree; a flip with a probability of 1/2 slips through once in 128


class Plan(NamedTuple):
    """What a process needs to know."""

    dataset: dict
    estimator: dict
    root: str
    device: str
    users: tuple[str, ...]  # keys of the parts of the model that are to read the cache; none where its test does


class Done(NamedTuple):
    """What became of one pair: whether it was estimated now, and the size of its two files."""

    made: bool
    size: int


class Worker:
    """Reads pairs through the training pipeline, estimates both directions at once, as I2VDA does, and writes them."""

    def __init__(self, plan: Plan) -> None:
        init_default_scope('mmseg')
        self.dataset = DATASETS.build(plan.dataset)
        self.cache = FlowCache(plan.root)
        self.config, self.device = plan.estimator, plan.device
        self.estimator: Any = None  # built when the first pair needs it

    def __call__(self, index: int) -> Done:
        """Make the files of one pair, unless they are there and whole."""
        keys = directions(self.dataset.get_data_info(index)['frame_keys'])
        try:
            return Done(made=False, size=sum(self.cache.check(*key) for key in keys))
        except (FileNotFoundError, ValueError):
            earlier, later = (frames.to(self.device) for frames in read_frames(self.dataset, index))
        if self.estimator is None:
            self.estimator = MODELS.build(dict(self.config)).requires_grad_(False).eval().to(self.device)
        flows = self.estimator(torch.cat((earlier, later)), torch.cat((later, earlier)), keys)
        fields = flows.permute(0, 2, 3, 1).cpu().numpy()
        written = zip(keys, fields, torch.cat((earlier, later)))
        return Done(made=True, size=sum(self.cache.write(*key, field, frame) for key, field, frame in written))


def directions(frame_keys: Iterable[str]) -> list[tuple[str, str]]:
    """Keys of F_01 and F_10 of every two consecutive frames: all forward flows, then all backward ones."""
    pairs = list(pairwise(frame_keys))
    return pairs + [(later, earlier) for earlier, later in pairs]


def read_frames(dataset: Any, index: int) -> tuple[Tensor, Tensor]:
    """Give all frames but the last, and all but the first, as training sees them: (N, 3, H, W), RGB 0..255."""
    frames = dataset.prepare_data(index)['inputs'].float().flip(1)
    return frames[:-1], frames[1:]


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('config', help='config file of I2VDA, configs/i2vda/<name>.py')
    parser.add_argument('--out', help='folder of the cache; default <target data_root>/flow/<estimator>_<size>_<hash>')
    parser.add_argument('--clips', action='store_true', help='pairs of the clips of tools/test.py --tc instead')
    parser.add_argument('--clip-list', metavar='LIST', help='with --clips: text file of the clips to take')
    parser.add_argument('--workers', type=int, default=1, help='processes to share the work among')
    has_gpu = torch.cuda.is_available()
    parser.add_argument('--device', default='cuda' if has_gpu else 'cpu', help='where the estimator runs: cpu, cuda:1')
    parser.add_argument('--resume', action='store_true', help='complete a cache: keep what is whole, make the rest')
    parser.add_argument(
        '--cfg-options', nargs='+', action=DictAction, metavar='KEY=VALUE', help='override settings of the config'
    )
    return parser.parse_args()


def main() -> None:
    """Fill the cache and say how to use it."""
    args = parse_args()
    start = time.perf_counter()
    plan, pairs = prepare(args)
    done = run(plan, pairs, args.workers)
    summarise(plan, done, time.perf_counter() - start)


def prepare(args: argparse.Namespace) -> tuple[Plan, int]:
    """Check that a cache can be made of what the config says, and start it; the plan and the number of pairs."""
    if args.workers < 1:
        raise ValueError(f'--workers must be at least 1, but is {args.workers}')
    if args.device.startswith('cuda') and not torch.cuda.is_available():
        raise ValueError(f'--device {args.device}: torch finds no GPU; leave it out to run on the CPU')
    config, root = load_config(args.config, args.cfg_options), None
    if args.clips:
        target, estimator = clip_pairs(config, args.clip_list)
        users = ()
    else:
        target, estimator, root = read_config(config)
        users = tuple(key for key, _ in flow_users(config))
    dataset = DATASETS.build(target)
    if not len(dataset) or 'frame_keys' not in dataset.get_data_info(0):
        raise ValueError("the target data set has no pairs of frames; set its pairs='labelled' or 'consecutive'")
    size = frame_size(dataset)
    name = f'{estimator["type"].lower()}_{size[0]}x{size[1]}_{fingerprint(describe_estimator(estimator))[:8]}'
    folder = Path(args.out or root or Path(target['data_root']) / 'flow' / name)
    if (folder / MANIFEST).exists() and not args.resume:
        raise FileExistsError(f'{folder} already holds a flow cache; --resume completes it, --out names another folder')
    MODELS.build(dict(estimator))  # what it lacks is told before there is a folder
    FlowCache.create(folder, estimator, size)
    remove_unfinished(folder)
    return Plan(target, estimator, str(folder), args.device, users), len(dataset)


def read_config(config: Config) -> tuple[dict, dict, str | None]:
    """Find the target data set, the estimator and, if the config reads a cache already, its folder."""
    asked = training_estimator(config)
    target = config.get('train_dataloader', {}).get('dataset', {}).get('target')
    if asked is None or target is None:
        raise ValueError(
            f'{config.filename}: no part of its model has a flow_estimator, or there is no target domain; give a '
            'config of I2VDA, or of another method that looks at flow'
        )
    target, step = until_flow(target.to_dict())
    estimator = flow_of_step(step) if step and step['type'] == 'LoadFlow' else ConfigDict(asked).to_dict()
    if estimator['type'] == 'CachedFlow':
        estimator, root = estimator.get('online') or ConfigDict(asked).to_dict(), estimator['root']
        if estimator['type'] == 'CachedFlow':
            raise ValueError('the config has a CachedFlow without online=: nothing says which estimator to run')
        return target, estimator, root
    return target, estimator, None


def until_flow(target: dict) -> tuple[dict, dict | None]:
    """Cut the pipeline where it makes or reads flow, which is of the frames as they are there; and that step."""
    pipeline = target['pipeline']
    place = next((i for i, step in enumerate(pipeline) if step['type'] in FLOW_STEPS), None)
    if place is None:
        return target, None
    return dict(target, pipeline=[*pipeline[:place], dict(type='PackFramePair')]), pipeline[place]


def frame_size(dataset: Any) -> tuple[int, int]:
    """Give (H, W) of the frames in training, and refuse a pipeline that is random."""
    readings = []
    for draw in range(DRAWS):
        with seeded(0, draw):
            readings.append(torch.cat(read_frames(dataset, 0)))
    if any(reading.shape != readings[0].shape or not torch.equal(reading, readings[0]) for reading in readings):
        raise ValueError(
            'the target pipeline is random (a flip, a crop, ...): flow that is computed once would not fit the frames '
            'that training sees. Take the random steps out of train_dataloader.dataset.target.pipeline.'
        )
    height, width = readings[0].shape[-2:]
    return height, width


def run(plan: Plan, pairs: int, workers: int) -> list[Done]:
    """Work through all pairs, with a progress bar."""
    columns = TextColumn('flow'), BarColumn(), MofNCompleteColumn(), TextColumn('pairs'), TimeRemainingColumn()
    with Progress(*columns) as bar, _mapped(plan, pairs, workers) as done:
        return list(bar.track(done, total=pairs))


@contextmanager
def _mapped(plan: Plan, pairs: int, workers: int) -> Iterator[Iterable[Done]]:
    if workers == 1:
        yield map(Worker(plan), range(pairs))
        return
    # Spawned rather than forked: forking a process in which threads of OpenCV or CUDA run may hang.
    context = multiprocessing.get_context('spawn')
    with ProcessPoolExecutor(workers, mp_context=context, initializer=_start, initargs=(plan,)) as pool:
        try:
            yield pool.map(_work, range(pairs), chunksize=4)
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


_worker: list[Worker] = []  # one in each process of the pool


def _start(plan: Plan) -> None:
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    _worker.append(Worker(plan))


def _work(index: int) -> Done:
    return _worker[0](index)


def summarise(plan: Plan, done: list[Done], seconds: float) -> None:
    """Print what was made, and how to use it."""
    size = sum(pair.size for pair in done) / 1e6
    made = sum(pair.made for pair in done)
    height, width = FlowCache(plan.root).size
    online = ', '.join(f'{name}={value!r}' for name, value in plan.estimator.items())
    print(
        f'{plan.root}: {len(done)} pairs of {height}x{width} (H x W), {made} made and {len(done) - made} kept, in '
        f'{seconds:.1f} s; {size:.1f} MB, {size / (2 * len(done)):.3f} MB a field'
    )
    if not plan.users:
        print(f'To measure temporal consistency with it: tools/test.py CONFIG CHECKPOINT --tc --tc-flow {plan.root}')
        return
    settings = f'root={plan.root!r}, online=dict({online})'
    cached = f"flow_estimator=dict(_delete_=True, type='CachedFlow', {settings})"
    parts = (key.split('.')[1:] for key in plan.users)  # [] of model itself, ['refinement'] of model.refinement
    arguments = ', '.join(reduce(lambda inner, name: f'{name}=dict({inner})', reversed(each), cached) for each in parts)
    print(
        "In the config (online= is for what is not there, such as Eq. 5; without it, set flow_1t='compose'):\n"
        f'model = dict({arguments})\n'
        'which EstimateFlow() in the target pipeline lets the data workers read. Where flips or crops follow, in its\n'
        f"place and before them: dict(type='LoadFlow', {settings})"
    )


if __name__ == '__main__':
    run_tool(main)
