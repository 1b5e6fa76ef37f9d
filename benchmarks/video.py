"""What segmenting a video costs beyond its parts: segment_video over decoding, the bare network, and encoding.

The parts are timed alone and added up: the decoder; the network's logits from a normalised frame, brought to the
frame's size, and their argmax; blending and the encoder, on frames of the video with their labels. segment_video
reads and writes beside the network, so that a ratio below 1 is possible where cores are free. The video is of moving
noise; the weights are random.

    python benchmarks/video.py [--frames 600 --pairs 1 --device cpu]
"""

import argparse
import itertools
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import torch
from mmengine.config import Config
from mmseg.models.utils import resize
from mmseg.registry import MODELS
from torch import nn

from i2vda_mmseg.apis import segment_video
from i2vda_mmseg.apis.launch import load_config
from i2vda_mmseg.engine.frame_predictor import FramePredictor
from i2vda_mmseg.fileio.frame_source import FrameSource
from i2vda_mmseg.fileio.video_reader import VideoReader
from i2vda_mmseg.fileio.video_writer import VideoWriter
from i2vda_mmseg.runtime.video_loop import overlay

ROOT = Path(__file__).resolve().parents[1]
SIZE = (512, 1024)
OPACITY = 0.5


def main() -> None:
    """Print the parts, the whole, and their ratio."""
    parser = argparse.ArgumentParser(description='Time a segmented video against its parts')
    parser.add_argument('--config', default='configs/i2vda/deeplabv2_r18_streetworld.py', help='of one frame at test')
    parser.add_argument('--frames', type=int, default=600, help='of 512x1024')
    parser.add_argument('--pairs', type=int, default=1, help='times that whole and parts are timed in turn')
    parser.add_argument('--device', default='cuda' if torch.cuda.is_available() else 'cpu')
    args = parser.parse_args()
    torch.manual_seed(0)
    config = full_size(load_config(str(ROOT / args.config)))
    model = MODELS.build(config.model).to(args.device).eval()
    palette = np.random.default_rng(0).integers(0, 256, (256, 3), dtype=np.uint8)
    predictor = FramePredictor(model, list(config.test_dataloader.dataset.pipeline), palette.tolist())
    print(f'torch {torch.__version__}, {args.device}, {torch.get_num_threads()} threads, {args.config}')
    with tempfile.TemporaryDirectory() as folder:
        video, out = Path(folder) / 'in.mp4', Path(folder) / 'out.mp4'
        make_video(video, args.frames)
        first = itertools.islice(FrameSource(video), 8)
        labelled = [(frame, predictor(frame).cpu().numpy()) for frame in first]
        ratios = []
        for _ in range(args.pairs):
            whole = seconds(lambda: segment_video(predictor, video, out, OPACITY))
            parts = dict(
                decoding=seconds(lambda: decode(video)),
                network=seconds(lambda: predict(model.segmentor, args.frames, args.device)),
                encoding=seconds(lambda: encode(out, args.frames, labelled, palette)),
            )
            shown = ', '.join(f'{name} {1000 * part / args.frames:.1f}' for name, part in parts.items())
            print(f'{args.frames} frames of {SIZE[0]}x{SIZE[1]}; ms a frame: segment_video', end=' ')
            print(f'{1000 * whole / args.frames:.1f}; {shown}')
            ratios.append(whole / sum(parts.values()))
    print(f'ratio {statistics.median(ratios):.3f}')


def full_size(config: Config) -> Config:
    """Let the network see frames as they are, without weights from elsewhere."""
    for step in config.test_dataloader.dataset.pipeline:
        if step.type == 'Resize':
            step.scale = SIZE[::-1]
    config.model.segmentor.backbone.init_cfg = None
    config.model.flow_estimator = dict(type='DISFlow')
    return config


def make_video(path: Path, count: int) -> None:
    """Write blurred noise that moves to the right."""
    noise = np.random.default_rng(0).integers(0, 256, (*SIZE, 3), dtype=np.uint8)
    picture = cv2.normalize(cv2.GaussianBlur(noise, (0, 0), 4), None, 0, 255, cv2.NORM_MINMAX)
    with VideoWriter(path, fps=17) as writer:
        for i in range(count):
            writer.write(np.roll(picture, 3 * i, axis=1))


def decode(path: Path) -> None:
    """Read all frames."""
    for _ in VideoReader(path):
        pass


@torch.no_grad()
def predict(network: nn.Module, count: int, device: str) -> None:
    """Label one normalised frame again and again."""
    frame = torch.randn(1, 3, *SIZE, device=device)
    for _ in range(count):
        logits = resize(network(frame, mode='tensor'), SIZE, mode='bilinear', align_corners=network.align_corners)
        logits.argmax(1).to(torch.uint8).cpu()


def encode(path: Path, count: int, labelled: list[tuple[np.ndarray, np.ndarray]], palette: np.ndarray) -> None:
    """Blend classes' colours over frames and write them, going round."""
    with VideoWriter(path, fps=17) as writer:
        for frame, labels in itertools.islice(itertools.cycle(labelled), count):
            writer.write(overlay(frame, labels, palette, OPACITY))


def seconds(run: Callable[[], object]) -> float:
    """Time it."""
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


if __name__ == '__main__':
    main()
