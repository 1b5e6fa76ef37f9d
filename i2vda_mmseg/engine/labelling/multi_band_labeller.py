"""Pseudo-labels from the average of several networks."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mmengine.dist import all_reduce
from mmengine.runner import Runner
from mmseg.registry import MODELS, TASK_UTILS
from torch import Tensor

from i2vda_mmseg.engine.checkpoints import load_weights
from i2vda_mmseg.fileio.pseudo_labels import write_labels
from i2vda_mmseg.models.wrappers import unwrapped
from i2vda_mmseg.ops import ConfidenceHistogram, confident_labels, rank_thresholds, upsample

from .labeller import Labeller


@TASK_UTILS.register_module()
class MultiBandLabeller(Labeller):
    """Labels with the averaged networks of earlier stages, what is sure for its class: FDA (CVPR 2020).

    All frames are predicted twice: to find the thresholds, and to label. The released code sorts the confidences of all
    pixels at once; a histogram takes their place here.

    Args:
        stages: Stages of this run whose final networks are averaged, one a band.
        rank: Share of the pixels of each class that are too unsure to be labels.
        cap: Confidence from which a pixel is a label whatever its rank.

    Raises:
        FileNotFoundError: When it is called, if a stage has left no weights.
    """

    def __init__(self, stages: Sequence[int] = (0, 1, 2), rank: float = 0.66, cap: float = 0.9) -> None:
        super().__init__()
        self.stages = tuple(stages)
        self.rank = rank
        self.cap = cap
        self._bands: Any = None

    def __call__(self, runner: Runner, folder: str) -> None:
        """Find the thresholds, then label."""
        frames = self.frames(runner, folder)
        self._bands = self._load_bands(runner)
        histogram = ConfidenceHistogram(self._bands.num_classes)
        for _, probs in self.predictions(runner, frames, 'confidences'):
            histogram.add(*probs.max(dim=1))
        all_reduce(histogram.counts)
        all_reduce(histogram.lowest, op='min')
        thresholds = rank_thresholds(histogram, self.rank, self.cap)
        runner.logger.info(f'thresholds {[round(value, 4) for value in thresholds.tolist()]}')
        for index, probs in self.predictions(runner, frames, 'pseudo-labels'):
            labels = confident_labels(*probs.max(dim=1), thresholds.to(probs))
            write_labels(frames.get_data_info(index)['pseudo_label_path'], labels[0].cpu().numpy())

    def probs(self, model: Any, images: Tensor) -> Tensor:
        """Average the bands' predictions of network input (N, 3, H, W); (N, C, H, W)."""
        return upsample(self._bands(images, mode='tensor'), images.shape[-2:], model.align_corners)

    def _load_bands(self, runner: Runner) -> Any:
        first, *others = (str(Path(runner.work_dir, f'stage_{stage}.pth')) for stage in self.stages)
        config = runner.cfg.model
        network = dict(segmentor=config.segmentor, data_preprocessor=config.data_preprocessor)
        bands = MODELS.build(dict(type='MultiBandSegmentor', checkpoints=others, **network))
        load_weights(bands, first)
        device = next(unwrapped(runner.model).parameters()).device
        return bands.to(device).eval().requires_grad_(False)
