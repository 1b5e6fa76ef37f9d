"""What segmenting a video costs beyond its parts: segment_video over decoding, the bare network, and encoding.

The parts are timed alone and added up: the decoder; the network's logits from a normalised frame, brought to the
frame's size, and their argmax; blending and the encoder, on frames of the video with their labels. segment_video
reads and writes beside the network, so that a ratio below 1 is possible where cores are free; by processor time it is
not, and other programs matter less. The video is of moving noise; the weights are random.

With --export it is an export of the network that gives labels, in its runtime; its parts are the same, and the memory
of the process is told as it goes on.

    python benchmarks/video.py [--export onnx] [--frames 600 --pairs 1 --device cpu]
"""

import argparse
import itertools
import resource
import statistics
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import torch
from mmengine.config import Config
from mmseg.models.utils import resize
from mmseg.registry import MODELS
from torch import nn

from i2vda_mmseg.apis import segment_video
from i2vda_mmseg.apis.export_runtimes import ExportSettings, export_runtimes
from i2vda_mmseg.apis.launch import load_config
from i2vda_mmseg.engine.frame_predictor import FramePredictor
from i2vda_mmseg.fileio.atomic_checkpoint import save_atomically
from i2vda_mmseg.fileio.frame_source import FrameSource
from i2vda_mmseg.fileio.video_reader import DEFAULT_FPS, VideoReader
from i2vda_mmseg.fileio.video_writer import VideoWriter
from i2vda_mmseg.runtime import FrameLabeller, open_network
from i2vda_mmseg.runtime.command import VideoFrames
from i2vda_mmseg.runtime.segment import Progress, segment_stream
from i2vda_mmseg.runtime.sinks import Sinks
from i2vda_mmseg.runtime.video_loop import Cut, bgr_palette, overlay, take

ROOT = Path(__file__).resolve().parents[1]
SIZE = (512, 1024)
OPACITY = 0.5
CLOCKS = ('the clock', 'processor time')


class Case(NamedTuple):
    """What is timed."""

    whole: Callable[[Path, Path], object]  # a video, and the one to write
    network: Callable[[], object]  # one frame
    label: Callable[[np.ndarray], np.ndarray]  # a frame of the video


def main() -> None:
    """Print the parts, the whole, and their ratio."""
    args = parse_args()
    torch.manual_seed(0)
    config = full_size(load_config(str(ROOT / args.config)))
    palette = np.random.default_rng(0).integers(0, 256, (256, 3), dtype=np.uint8)
    print(f'torch {torch.__version__}, {args.device}, {torch.get_num_threads()} threads, {args.config}')
    with tempfile.TemporaryDirectory() as folder:
        video, out = Path(folder) / 'in.mp4', Path(folder) / 'out.mp4'
        make_video(video, args.frames)
        case = exported_case(config, args, Path(folder)) if args.export else eager_case(config, palette, args.device)
        labelled = [(frame, case.label(frame)) for frame in itertools.islice(FrameSource(video), 8)]
        ratios = []
        for _ in range(args.pairs):
            whole = measured(lambda: case.whole(video, out))
            parts = dict(
                decoding=measured(lambda: decode(video)),
                network=measured(lambda: [case.network() for _ in range(args.frames)]),
                encoding=measured(lambda: encode(out, args.frames, labelled, palette)),
            )
            for i, clock in enumerate(CLOCKS):
                shown = ', '.join(f'{name} {1000 * part[i] / args.frames:.1f}' for name, part in parts.items())
                print(f'{args.frames} frames of {SIZE[0]}x{SIZE[1]}, ms a frame by {clock}: segment_video', end=' ')
                print(f'{1000 * whole[i] / args.frames:.1f}; {shown}')
            ratios.append([whole[i] / sum(part[i] for part in parts.values()) for i in range(len(CLOCKS))])
    for clock, column in zip(CLOCKS, zip(*ratios)):
        print(f'ratio by {clock} {statistics.median(column):.3f}')


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description='Time a segmented video against its parts')
    parser.add_argument('--config', default='configs/i2vda/deeplabv2_r18_streetworld.py', help='of one frame at test')
    parser.add_argument('--export', choices=('onnx', 'openvino'), help='segment with an export')
    parser.add_argument('--frames', type=int, default=600, help='of 512x1024')
    parser.add_argument('--pairs', type=int, default=1, help='times that whole and parts are timed in turn')
    parser.add_argument('--device', default='cuda' if torch.cuda.is_available() else 'cpu')
    return parser.parse_args()


def eager_case(config: Config, palette: np.ndarray, device: str) -> Case:
    """The network in PyTorch."""
    model = MODELS.build(config.model).to(device).eval()
    predictor = FramePredictor(model, list(config.test_dataloader.dataset.pipeline), palette.tolist())
    return Case(
        lambda video, out: segment_video(predictor, video, out, OPACITY),
        partial(predict, model.segmentor, torch.randn(1, 3, *SIZE, device=device)),
        lambda frame: predictor(frame).cpu().numpy(),
    )


def exported_case(config: Config, args: argparse.Namespace, folder: Path) -> Case:
    """An export of the network, in its runtime."""
    save_atomically(dict(state_dict=MODELS.build(config.model).state_dict(), meta={}), folder / 'net.pth')
    frames = np.random.default_rng(0).integers(0, 256, (2, *SIZE, 3), dtype=np.uint8)
    settings = ExportSettings((args.export,), ('labels',))
    (path,) = export_runtimes(config, folder / 'net.pth', folder / 'net', list(frames), settings)
    labeller = FrameLabeller(open_network(path))
    batch = np.ascontiguousarray(frames[:1].transpose(0, 3, 1, 2))
    return Case(partial(stream, labeller), lambda: labeller.network(batch), labeller)


def stream(labeller: FrameLabeller, video: Path, out: Path) -> None:
    """Segment as tools/segment_video.py does, and print how much memory the process has."""
    frames = VideoReader(video)
    sixth = max(1, frames.count() // 6)
    with VideoWriter(out, fps=DEFAULT_FPS) as writer:
        sinks = Sinks([bgr_palette(labeller.palette)], OPACITY, writer)
        segment_stream([labeller], take(VideoFrames(video), Cut()), sinks, progress=partial(tell_memory, sixth))


def tell_memory(every: int, progress: Progress) -> None:
    """Print the memory of the process."""
    if progress.done % every == 0:
        pages = int(Path('/proc/self/statm').read_text(encoding='ascii').split()[1])
        print(f'{progress.done} frames: {pages * resource.getpagesize() / 1e6:.0f} MB')


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
    with VideoWriter(path, fps=DEFAULT_FPS) as writer:
        for i in range(count):
            writer.write(np.roll(picture, 3 * i, axis=1))


def decode(path: Path) -> None:
    """Read all frames."""
    for _ in VideoReader(path):
        pass


@torch.no_grad()
def predict(network: nn.Module, frame: torch.Tensor) -> None:
    """Label a normalised frame."""
    logits = resize(network(frame, mode='tensor'), SIZE, mode='bilinear', align_corners=network.align_corners)
    logits.argmax(1).to(torch.uint8).cpu()


def encode(path: Path, count: int, labelled: list[tuple[np.ndarray, np.ndarray]], palette: np.ndarray) -> None:
    """Blend classes' colours over frames and write them, going round."""
    with VideoWriter(path, fps=DEFAULT_FPS) as writer:
        for frame, labels in itertools.islice(itertools.cycle(labelled), count):
            writer.write(overlay(frame, labels, palette, OPACITY))


def measured(run: Callable[[], object]) -> tuple[float, float]:
    """Time it: seconds of the clock, and of the processor."""
    start, used = time.perf_counter(), time.process_time()
    run()
    return time.perf_counter() - start, time.process_time() - used


if __name__ == '__main__':
    main()
