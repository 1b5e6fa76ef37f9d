"""Flow on disk: estimated once for every pair of frames that a training, or a test of consistency, looks at."""

import multiprocessing
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from functools import reduce
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import torch
from mmengine.config import Config, ConfigDict
from mmengine.registry import init_default_scope
from mmseg.registry import DATASETS, MODELS
from torch import Tensor

from i2vda_mmseg.datasets.seeding import seeded
from i2vda_mmseg.fileio.atomic import remove_unfinished
from i2vda_mmseg.flow import FlowCache
from i2vda_mmseg.flow.cache import MANIFEST
from i2vda_mmseg.flow.fingerprint import describe_estimator, fingerprint

from .config_flow import FLOW_STEPS, flow_of_step, flow_users, training_estimator
from .testing import clip_pairs

_DRAWS = 8  # readings of one pair that must agree; a flip with a probability of 1/2 slips through once in 128


class Plan(NamedTuple):
    """Which flow is made: what a process needs to know."""

    dataset: dict  # config of the data set of pairs
    estimator: dict  # config of the ``FlowEstimator``
    root: str  # folder of the cache
    device: str  # where the estimator runs
    users: tuple[str, ...]  # keys of the parts of the model that are to read the cache; none where its test does


class Done(NamedTuple):
    """What became of one pair: whether it was estimated now, and the size of its two files."""

    made: bool
    size: int


def plan_flow(
    config: Config,
    out: str | Path | None = None,
    clips: bool = False,
    clip_list: str | None = None,
    device: str = 'cpu',
    resume: bool = False,
) -> tuple[Plan, int]:
    """Check that a cache can be made of what a config says, and start it.

    Args:
        config: Of a method that looks at flow.
        out: Folder of the cache; None: the one that the config reads, or
            ``<target data_root>/flow/<estimator>_<size>_<hash>``.
        clips: Take the pairs of the clips on which temporal consistency is measured, and not those of the training.
        clip_list: With ``clips``, a text file of the clips to take.
        device: Where the estimator is to run.
        resume: Complete a cache that is there.

    Returns:
        The plan, and the number of pairs.

    Raises:
        ValueError: If the config names no flow, or no pairs of frames, or its pipeline is random.
        FileExistsError: If there is a cache already, and ``resume`` does not say to complete it.
    """
    if device.startswith('cuda') and not torch.cuda.is_available():
        raise ValueError(f'--device {device}: torch finds no GPU; leave it out to run on the CPU')
    root, users = None, tuple[str, ...]()
    if clips:
        target, estimator = clip_pairs(config, clip_list)
    else:
        target, estimator, root = _read_config(config)
        users = tuple(key for key, _ in flow_users(config))
    dataset = DATASETS.build(target)
    if not len(dataset) or 'frame_keys' not in dataset.get_data_info(0):
        raise ValueError("the target data set has no pairs of frames; set its pairs='labelled' or 'consecutive'")
    size = _frame_size(dataset)
    name = f'{estimator["type"].lower()}_{size[0]}x{size[1]}_{fingerprint(describe_estimator(estimator))[:8]}'
    folder = Path(out or root or Path(target['data_root']) / 'flow' / name)
    if (folder / MANIFEST).exists() and not resume:
        raise FileExistsError(f'{folder} already holds a flow cache; --resume completes it, --out names another folder')
    MODELS.build(dict(estimator))  # what it lacks is told before there is a folder
    FlowCache.create(folder, estimator, size)
    remove_unfinished(folder)
    return Plan(target, estimator, str(folder), device, users), len(dataset)


def _read_config(config: Config) -> tuple[dict, dict, str | None]:
    """Find the target data set, the estimator and, if the config reads a cache already, its folder."""
    asked = training_estimator(config)
    target = config.get('train_dataloader', {}).get('dataset', {}).get('target')
    if asked is None or target is None:
        raise ValueError(
            f'{config.filename}: no part of its model has a flow_estimator, or there is no target domain; give a '
            'config of I2VDA, or of another method that looks at flow'
        )
    target, step = _until_flow(target.to_dict())
    loaded = flow_of_step(step) if step and step['type'] == 'LoadFlow' else None
    estimator = dict(loaded or ConfigDict(asked).to_dict())
    if estimator['type'] == 'CachedFlow':
        estimator, root = estimator.get('online') or ConfigDict(asked).to_dict(), estimator['root']
        if estimator['type'] == 'CachedFlow':
            raise ValueError('the config has a CachedFlow without online=: nothing says which estimator to run')
        return target, estimator, root
    return target, estimator, None


def _until_flow(target: dict) -> tuple[dict, dict | None]:
    """Cut the pipeline where it makes or reads flow, which is of the frames as they are there; and that step."""
    pipeline = target['pipeline']
    place = next((i for i, step in enumerate(pipeline) if step['type'] in FLOW_STEPS), None)
    if place is None:
        return target, None
    return dict(target, pipeline=[*pipeline[:place], dict(type='PackFramePair')]), pipeline[place]


def _frame_size(dataset: Any) -> tuple[int, int]:
    """Give (H, W) of the frames in training, and refuse a pipeline that is random."""
    readings = []
    for draw in range(_DRAWS):
        with seeded(0, draw):
            readings.append(torch.cat(_read_frames(dataset, 0)))
    if any(reading.shape != readings[0].shape or not torch.equal(reading, readings[0]) for reading in readings):
        raise ValueError(
            'the target pipeline is random (a flip, a crop, ...): flow that is computed once would not fit the frames '
            'that training sees. Take the random steps out of train_dataloader.dataset.target.pipeline.'
        )
    height, width = readings[0].shape[-2:]
    return height, width


@contextmanager
def filled(plan: Plan, pairs: int, workers: int = 1) -> Iterator[Iterable[Done]]:
    """Fill the cache of a plan, pair after pair, in a ``with`` block that goes through what became of each.

    Args:
        plan: As ``plan_flow`` gives it.
        pairs: How many there are.
        workers: Processes to share the work among.

    Yields:
        What becomes of each pair; it is made as it is asked for, or ahead of that by the other processes.
    """
    if workers == 1:
        yield map(_Worker(plan), range(pairs))
        return
    # Spawned rather than forked: forking a process in which threads of OpenCV or CUDA run may hang.
    context = multiprocessing.get_context('spawn')
    with ProcessPoolExecutor(workers, mp_context=context, initializer=_start, initargs=(plan,)) as pool:
        try:
            yield pool.map(_work, range(pairs), chunksize=4)
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def summary_of(plan: Plan, done: list[Done], seconds: float) -> str:
    """Say what was made, and how to use it.

    Args:
        plan: Of the cache.
        done: What became of each pair.
        seconds: Wall-clock time that it took.
    """
    size = sum(pair.size for pair in done) / 1e6
    made = sum(pair.made for pair in done)
    height, width = FlowCache(plan.root).size
    online = ', '.join(f'{name}={value!r}' for name, value in plan.estimator.items())
    made_of = (
        f'{plan.root}: {len(done)} pairs of {height}x{width} (H x W), {made} made and {len(done) - made} kept, in '
        f'{seconds:.1f} s; {size:.1f} MB, {size / (2 * len(done)):.3f} MB a field\n'
    )
    if not plan.users:
        command = f'tools/test.py CONFIG CHECKPOINT --tc --tc-flow {plan.root}'
        return f'{made_of}To measure temporal consistency with it: {command}'
    settings = f'root={plan.root!r}, online=dict({online})'
    cached = f"flow_estimator=dict(_delete_=True, type='CachedFlow', {settings})"
    parts = (key.split('.')[1:] for key in plan.users)  # [] of model itself, ['refinement'] of model.refinement
    arguments = ', '.join(reduce(lambda inner, name: f'{name}=dict({inner})', reversed(each), cached) for each in parts)
    return (
        f'{made_of}'
        "In the config (online= is for what is not there, such as Eq. 5; without it, set flow_1t='compose'):\n"
        f'model = dict({arguments})\n'
        'which EstimateFlow() in the target pipeline lets the data workers read. Where flips or crops follow, in its\n'
        f"place and before them: dict(type='LoadFlow', {settings})"
    )


class _Worker:
    """Reads pairs through the training pipeline, estimates both directions at once, as I2VDA does, and writes them."""

    def __init__(self, plan: Plan) -> None:
        init_default_scope('mmseg')
        self.dataset = DATASETS.build(plan.dataset)
        self.cache = FlowCache(plan.root)
        self.config, self.device = plan.estimator, plan.device
        self.estimator: Any = None  # built when the first pair needs it

    def __call__(self, index: int) -> Done:
        """Make the files of one pair, unless they are there and whole."""
        keys = _directions(self.dataset.get_data_info(index)['frame_keys'])
        try:
            return Done(made=False, size=sum(self.cache.check(*key) for key in keys))
        except (FileNotFoundError, ValueError):
            earlier, later = (frames.to(self.device) for frames in _read_frames(self.dataset, index))
        if self.estimator is None:
            self.estimator = MODELS.build(dict(self.config)).requires_grad_(False).eval().to(self.device)
        flows = self.estimator(torch.cat((earlier, later)), torch.cat((later, earlier)), keys)
        fields = flows.permute(0, 2, 3, 1).cpu().numpy()
        written = zip(keys, fields, torch.cat((earlier, later)))
        return Done(made=True, size=sum(self.cache.write(*key, field, frame) for key, field, frame in written))


_worker: list[_Worker] = []  # one in each process of the pool


def _start(plan: Plan) -> None:
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    _worker.append(_Worker(plan))


def _work(index: int) -> Done:
    return _worker[0](index)


def _directions(frame_keys: Iterable[str]) -> list[tuple[str, str]]:
    """Keys of F_01 and F_10 of every two consecutive frames: all forward flows, then all backward ones."""
    pairs = list(pairwise(frame_keys))
    return pairs + [(later, earlier) for earlier, later in pairs]


def _read_frames(dataset: Any, index: int) -> tuple[Tensor, Tensor]:
    """Give all frames but the last, and all but the first, as training sees them: (N, 3, H, W), RGB 0..255."""
    frames = dataset.prepare_data(index)['inputs'].float().flip(1)
    return frames[:-1], frames[1:]
