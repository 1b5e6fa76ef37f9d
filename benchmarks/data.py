"""What the data pipeline costs, and what flow costs where: in the main process, or in the data workers.

A street is drawn at Cityscapes' size. "Bare" is the least that a training pair needs: one image, its label and two
frames decoded, and resized as in the config (Pillow). Both are timed in turn; the ratio is the median over the rounds.
Then the same pairs through a dataloader, with flow left to the model or made in it (F_01, F_10, I_t, F_1t), and the
CPU time of the main process an iteration: receiving a batch, and making what the workers did not.

    python benchmarks/data.py [--rounds 5 --size 1024 2048]
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from mmengine.dataset import pseudo_collate
from mmseg.registry import DATASETS, MODELS
from PIL import Image
from torch.utils.data import DataLoader

from i2vda_mmseg.apis.config_flow import complete_workers_flow
from i2vda_mmseg.apis.launch import load_config
from i2vda_mmseg.datasets.samplers import DomainPairSampler
from i2vda_mmseg.streetworld import make_streetworld

CONFIGS = Path(__file__).resolve().parents[1] / 'configs'
PAIRS = 6


def main() -> None:
    """Print a line a measurement; the bounded ratio last."""
    parser = argparse.ArgumentParser(description='Time the data pipeline, and flow in workers and in the model')
    parser.add_argument('--rounds', type=int, default=5, help='timed rounds over the pairs')
    parser.add_argument('--size', type=int, nargs=2, default=(1024, 2048), help='height and width of the files')
    args = parser.parse_args()
    torch.set_num_threads(1)
    cv2.setNumThreads(0)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder, 'street')
        make_streetworld(root, images=PAIRS, synthia_images=0, clips=3, val_clips=0, frames=3, size=tuple(args.size))
        ours, with_flow = dataset(root, flow=False), dataset(root, flow=True)
        for workers in (0, 2):
            for name, data in (('the model', ours), ('the pipeline', with_flow)):
                pairs, cpu = loaded(data, workers, args.rounds)
                print(f'{workers} workers, flow in {name}: {pairs:.2f} pairs/s, {cpu:.0f} CPU-ms of the main process')
        compare(ours, args.rounds)


def dataset(root: Path, flow: bool) -> Any:
    """Build the pairs of I2VDA's DIS config over the street."""
    config = load_config(str(CONFIGS / 'i2vda' / 'deeplabv2_r101_viper2cs_dis.py'))
    complete_workers_flow(config)
    data = config.train_dataloader.dataset
    data.source.data_root, data.target.data_root = str(root / 'viper'), str(root / 'cityscapes')
    if not flow:
        data.target.pipeline = [data.target.pipeline[index] for index in (0, 1, -1)]
    built = DATASETS.build(data)
    built.full_init()
    return built


def loaded(data: Any, workers: int, rounds: int) -> tuple[float, float]:
    """Pairs a second until flow and I_t are there, and CPU-ms a pair of this process."""
    sampler = DomainPairSampler(data, seed=0)
    model = small_model()
    options = dict(sampler=sampler, num_workers=workers, collate_fn=pseudo_collate, persistent_workers=workers > 0)
    batches = iter(DataLoader(data, 1, **options))
    for _ in range(2 + 2 * workers):  # workers start, queues fill
        next(batches)
    wall, cpu = time.perf_counter(), time.process_time()
    for _ in range(rounds * PAIRS):
        target = model.data_preprocessor(next(batches), training=True)['target']
        model.temporal.flow_to_t(model.target_clip(target))
    count = rounds * PAIRS
    return count / (time.perf_counter() - wall), 1000 * (time.process_time() - cpu) / count


def small_model() -> Any:
    """Build an I2VDA whose networks are small: only its flow and its I_t are of interest here."""
    config = load_config(str(CONFIGS / 'i2vda' / 'deeplabv2_r18_streetworld.py'))
    return MODELS.build(config.model)


def compare(data: Any, rounds: int) -> None:
    """Print the CPU time of the pipeline without flow, of the bare work, and their ratio."""
    source, target = (domain.get_data_info for domain in (data.source, data.target))
    jobs = [(source(index), target(index % len(data.target))) for index in range(PAIRS)]
    both = partial(read, data), partial(bare, jobs)
    times = []
    for index in range(rounds):
        measured = [cpu_seconds(function) for function in both[:: 1 if index % 2 == 0 else -1]]
        times.append(measured[:: 1 if index % 2 == 0 else -1])
    median = [statistics.median(column) / PAIRS for column in zip(*times)]
    print(f'a pair without flow: {1000 * median[0]:.0f} CPU-ms, bare decoding and resizing {1000 * median[1]:.0f}')
    print(f'ratio {statistics.median(a / b for a, b in times):.3f}')


def read(data: Any) -> None:
    """Read each pair through the pipeline."""
    for index in range(PAIRS):
        data[index, index % len(data.target)]


def bare(jobs: list[tuple[dict, dict]]) -> None:
    """Decode and resize the files of each pair."""
    for source, target in jobs:
        resized(source['img_path'], (896, 512), Image.Resampling.BICUBIC)
        resized(source['seg_map_path'], (896, 512), Image.Resampling.NEAREST)
        for path in target['frame_paths']:
            resized(path, (1024, 512), Image.Resampling.BICUBIC)


def resized(path: str, size: tuple[int, int], how: Image.Resampling) -> np.ndarray:
    """Read one file."""
    with Image.open(path) as image:
        return np.asarray(image.resize(size, how))


def cpu_seconds(function: Callable[[], Any]) -> float:
    """Time one call, in seconds of this process on a core."""
    start = time.process_time()
    function()
    return time.process_time() - start


if __name__ == '__main__':
    main()
