"""Sample panels: the same labelled frames as each run sees them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from mmengine.config import Config
from mmengine.runner import load_checkpoint
from mmseg.registry import MODELS

from i2vda_mmseg.engine.panels import target_cells
from i2vda_mmseg.models.segmentors import I2VDA, DomainAdaptiveSegmentor
from i2vda_mmseg.visualization import label_to_rgb

from .content import Legend, Sample
from .labelled_pairs import LabelledPair, LabelledPairs
from .pictures import Picture, encode_photo, encode_sharp, shrink

_MAX_WIDTH = 512
_SHARED = ('Frame I_{0}', 'Frame I_{1}')
_DRAWN_T = 0.5  # training draws t anew each iteration; a picture shows the frame half way
_TRUTH = 'Ground truth of I_{1}'


class RunSamples(NamedTuple):
    """What one run makes of the frames.

    Attributes:
        frames: ``(name of the frame, what all runs see, what this one makes of it)``.
        legend: Its classes and their colours.
    """

    frames: list[tuple[str, list[Picture], list[Picture]]]
    legend: Legend


def draw_samples(config: Config, checkpoint: Path, count: int, device: str = 'cpu') -> RunSamples:
    """Draw labelled frames, evenly from all over the val data set.

    Args:
        config: Of the run.
        checkpoint: Its weights.
        count: Number of frames.
        device: Where the networks run.

    Raises:
        ValueError: If the config builds no method of this package.
        FileNotFoundError: If data are missing.
    """
    model = _build(config, checkpoint, device)
    pairs = LabelledPairs(config)
    meta = pairs.metainfo
    frames = []
    for index in spread(len(pairs), count):
        pair = pairs[index]
        frames.append(
            (Path(pair.path).stem.removesuffix('_leftImg8bit'), *_pictures(model, pair, meta['palette'], device))
        )
    return RunSamples(frames, [*zip(meta['classes'], meta['palette'])])


def gather(runs: Sequence[RunSamples | None]) -> list[Sample]:
    """Put what several runs make of the same frames below each other; what all of them see is shown once."""
    shared: dict[str, list[Picture]] = {}
    rows: dict[str, list[tuple[int, list[Picture]]]] = {}
    for run, samples in enumerate(runs):
        for name, seen, own in samples.frames if samples else []:
            extra = [] if shared.setdefault(name, seen) == seen else seen  # read at another size, or other frames
            rows.setdefault(name, []).append((run, [*extra, *own]))
    return [Sample(name, shared[name], rows[name]) for name in rows]


def spread(length: int, count: int) -> list[int]:
    """Take up to ``count`` indices, evenly from all over.

    Example:
        >>> spread(60, 2), spread(1, 2)
        ([15, 45], [0])
    """
    count = min(length, count)
    return [(2 * i + 1) * length // (2 * count) for i in range(count)]


def _build(config: Config, checkpoint: Path, device: str) -> Any:
    model = MODELS.build(config.model)
    if not isinstance(model, DomainAdaptiveSegmentor):
        raise ValueError(f'panels are drawn of methods of this package, and the config builds {type(model).__name__}')
    load_checkpoint(model, str(checkpoint), map_location='cpu', strict=False)
    if isinstance(model, I2VDA) and model.temporal_augmentation is not None:
        model.temporal_augmentation.t = _DRAWN_T
    return model.to(device).eval()


def _pictures(model: Any, pair: LabelledPair, palette: list, device: str) -> tuple[list[Picture], list[Picture]]:
    target = dict(pair.target, frames=pair.target['frames'].to(device))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        cells, sharp = target_cells(model, target, palette)
    cells.append((_TRUTH, label_to_rgb(pair.labels, palette)))
    pictures = {caption: _picture(caption, image, caption in {*sharp, _TRUTH}) for caption, image in cells}
    seen = [pictures.pop(caption) for caption in (_TRUTH, *_SHARED) if caption in pictures]
    own = sorted(pictures.values(), key=lambda picture: not picture.caption.startswith('Prediction'))
    return seen, own  # predictions first, so that those of all runs are in one column, below the ground truth


def _picture(caption: str, image: np.ndarray, is_sharp: bool) -> Picture:
    image = shrink(image, _MAX_WIDTH, is_sharp)
    uri = encode_sharp(image) if is_sharp else encode_photo(image)
    return Picture(caption, uri, image.shape[1], image.shape[0], is_sharp)
