"""Frames of the target with what each run makes of them: prediction, errors, flicker, and what it learns from."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
import torch
from mmengine.config import Config
from torch import Tensor

from i2vda_mmseg.engine.checkpoints import load_weights
from i2vda_mmseg.engine.frame_predictor import FramePredictor
from i2vda_mmseg.engine.panels import target_cells
from i2vda_mmseg.evaluation.pair_consistency import TC_PRESETS, valid_pixels, warp_prediction
from i2vda_mmseg.fileio.frame_source import spread
from i2vda_mmseg.flow import DISFlow
from i2vda_mmseg.models.segmentors import DomainAdaptiveSegmentor
from i2vda_mmseg.ops import IGNORE_INDEX
from i2vda_mmseg.visualization import changes_to_rgb, errors_to_rgb

from .page import CHANGES, CLASSES, ERRORS, Legend, Sample
from .pairs import LabelledPair, pairs_of
from .pictures import Picture, label_picture, marked_picture, photo_picture, sharp_picture

_MAX_WIDTH = 512
_DRAWN_T = 0.5  # training draws t anew each iteration; a picture shows the frame half way
_SHOWN_APART = ('Frame I_{0}', 'Frame I_{1}', 'Prediction of M for I_{1}')  # of the pictures of the training


class FrameSample(NamedTuple):
    """A frame and what one run makes of it."""

    name: str  # of the frame
    shared: list[Picture]  # what all runs see: the ground truth, if there is one, and both frames
    judged: list[Picture]  # prediction, errors where there are labels, flicker
    learnt_from: list[Picture]  # what the method has of the pair in training


class RunSamples(NamedTuple):
    """What one run makes of the frames."""

    frames: list[FrameSample]
    legend: Legend  # its classes and their colours


def draw_samples(config: Config, checkpoint: Path, count: int, device: str = 'cpu') -> RunSamples:
    """Draw labelled frames, evenly from all over the val data set, or pairs of the target where none is labelled.

    Raises:
        ValueError: If the config builds no method of this package.
        FileNotFoundError: If data are missing.
    """
    predictor = FramePredictor.build(config, device)
    model: Any = predictor.model
    if not isinstance(model, DomainAdaptiveSegmentor):
        raise ValueError(f'panels are drawn of methods of this package, and the config builds {type(model).__name__}')
    load_weights(model, checkpoint)
    if model.temporal is not None and model.temporal.temporal_augmentation is not None:
        model.temporal.temporal_augmentation.t = _DRAWN_T
    pairs = pairs_of(config)
    palette = pairs.metainfo['palette']
    frames = []
    for index in spread(range(len(pairs)), count):
        pair = pairs[index]
        shared, judged = _judged(predictor, pair, palette)
        frames.append(FrameSample(pair.name, shared, judged, _learnt_from(model, pair, palette, device)))
    return RunSamples(frames, [*zip(pairs.metainfo['classes'], palette)])


def gather(runs: Sequence[RunSamples | None]) -> list[Sample]:
    """Put what several runs make of the same frames beside each other; what all of them see is shown once."""
    shared: dict[str, list[Picture]] = {}
    columns: dict[str, list[tuple[int, list[Picture], list[Picture]]]] = {}
    for run, samples in enumerate(runs):
        for frame in samples.frames if samples else []:
            is_same = shared.setdefault(frame.name, frame.shared) == frame.shared
            extra = [] if is_same else frame.shared  # read at another size, or other frames
            columns.setdefault(frame.name, []).append((run, frame.judged, [*extra, *frame.learnt_from]))
    return [Sample(name, shared[name], columns[name]) for name in columns]


def _judged(predictor: FramePredictor, pair: LabelledPair, palette: list) -> tuple[list[Picture], list[Picture]]:
    """Draw what a test sees of a pair, at the size of the frames on disk."""
    images = pair.images()
    predictor.begin_clip()
    first, second = (predictor(image).cpu() for image in images)
    rgb = [np.ascontiguousarray(image[..., ::-1]) for image in images]
    shared = [photo_picture(f'Frame I_{{{number}}}', image, _MAX_WIDTH) for number, image in enumerate(rgb)][::-1]
    judged = [label_picture('Prediction', second.numpy(), palette, _MAX_WIDTH, CLASSES)]
    if pair.labels is not None:
        truth = cv2.resize(pair.labels, second.shape[::-1], interpolation=cv2.INTER_NEAREST)
        shared.insert(0, label_picture('Ground truth', truth, palette, _MAX_WIDTH, CLASSES))
        labelled = truth != IGNORE_INDEX
        wrong = 100 * (second.numpy()[labelled] != truth[labelled]).mean() if labelled.any() else 0.0
        drawn = errors_to_rgb(rgb[1], second.numpy(), truth)
        judged.append(marked_picture(f'Errors: {wrong:.1f} %', drawn, _MAX_WIDTH, ERRORS))
    changed, valid = _changes(first, second, rgb)
    share = 100 * float((changed & valid).sum() / valid.sum().clamp(min=1))
    drawn = changes_to_rgb(rgb[0], changed.numpy(), valid.numpy())
    judged.append(marked_picture(f'Flicker: {share:.1f} %', drawn, _MAX_WIDTH, CHANGES))
    return shared, judged


def _changes(first: Tensor, second: Tensor, frames: Sequence[np.ndarray]) -> tuple[Tensor, Tensor]:
    """Tell where the class changes on the way from I_0 to I_1, and where both see the pixel: (H, W), bool, of I_0."""
    clean = TC_PRESETS['clean']
    a, b = (torch.from_numpy(frame).permute(2, 0, 1)[None].float() for frame in frames)
    flow_ab, flow_ba = DISFlow()(torch.cat([a, b]), torch.cat([b, a]))
    warped = warp_prediction(second, flow_ab, clean.warping)
    return first != warped, valid_pixels(flow_ab, flow_ba, clean.eta)


def _learnt_from(model: Any, pair: LabelledPair, palette: list, device: str) -> list[Picture]:
    target = dict(pair.target, frames=pair.target['frames'].to(device))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        cells, sharp = target_cells(model, target, palette)
    kept = [(caption, image) for caption, image in cells if caption not in _SHOWN_APART]
    draw = {caption: sharp_picture if caption in sharp else photo_picture for caption, _ in kept}
    return [draw[caption](caption, image, _MAX_WIDTH) for caption, image in kept]
