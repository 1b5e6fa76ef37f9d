"""Testing an export as the checkpoint that it was made of is tested."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.config import Config
from mmengine.structures import PixelData
from mmseg.evaluation import IoUMetric
from mmseg.registry import DATASETS, METRICS

from i2vda_mmseg.engine.exported_segmentor import open_export
from i2vda_mmseg.engine.frame_predictor import FramePredictor, find_test_dataset, read_metainfo
from i2vda_mmseg.errors import ConfigError
from i2vda_mmseg.runtime import FrameLabeller, ModelCard

from .export_runtimes import resizing_of

LABELLED = 100  # frames on which an export of reduced precision is compared
_OF_TRAINING = (
    'train_dataloader', 'train_cfg', 'optim_wrapper', 'param_scheduler', 'val_dataloader', 'val_cfg', 'val_evaluator',
    'custom_hooks', 'model_wrapper_cfg',
)  # fmt: skip
_HOOKS_OF_TESTS = {'runtime_info', 'timer', 'logger', 'sampler_seed', 'visualization'}


def use_export(config: Config, path: str) -> ModelCard:
    """Test an export in the place of the config's model: frames reach it as they are, and it resizes them itself.

    Args:
        config: Changed in place; of the method that was exported.
        path: ``.onnx``, ``.xml`` or ``.pt2``.

    Returns:
        What the export says of itself.

    Raises:
        FileNotFoundError: If there is no such file; ImportError or ValueError if it cannot be loaded.
        ConfigError: If the config tests other classes, or at another size than was exported.
    """
    card, dataset = open_export(path).card, find_test_dataset(config)
    classes = tuple(read_metainfo(dataset)['classes'])
    if classes != card.classes:
        raise ConfigError(
            f'{path} predicts {len(card.classes)} classes ({", ".join(card.classes[:3])}, ...), but the test data of '
            f'{config.filename} have {len(classes)} others ({", ".join(classes[:3])}, ...); give the config that it '
            'was exported with'
        )
    resizing = resizing_of(dataset.pipeline)
    if resizing != (card.test_size, card.keep_ratio, card.interpolation):
        raise ConfigError(
            f'{path} resizes frames to {card.test_size} (keep_ratio={card.keep_ratio}, {card.interpolation}), the test '
            f'pipeline of {config.filename} to {resizing[0]} (keep_ratio={resizing[1]}, {resizing[2]}); export anew '
            'with this config'
        )
    dataset.pipeline = [step for step in dataset.pipeline if step['type'] != 'Resize']
    config.model, config.load_from = dict(type='ExportedSegmentor', path=str(path)), None
    config.update(dict.fromkeys(_OF_TRAINING))
    if (config.get('test_cfg') or {}).get('type') == 'ClipTestLoop':  # of a run with --tc, on frames of its own size
        config.test_cfg = dict(type='TestLoop')
    for name in set(config.get('default_hooks') or {}) - _HOOKS_OF_TESTS:
        config.default_hooks.pop(name)  # those of the method, which an export has not
    return card


def require_labels_suffice(config: Config) -> None:
    """Raise ConfigError if temporal consistency is to compare logits: an export is asked for labels."""
    evaluator = (config.get('test_cfg') or {}).get('clip_evaluator') or {}
    if evaluator and METRICS.build(evaluator).switches.warping == 'probs':
        raise ConfigError(
            "tc_evaluator.warping: 'probs' compares logits, but an export gives labels here; use 'nearest'"
        )


def compare_miou(
    config: Config, checkpoint: str | Path, exports: Sequence[Path], limit: int = LABELLED
) -> dict[str, float] | None:
    """Measure mIoU of a network in PyTorch and of its exports, on labelled frames of the data that its config tests on.

    Args:
        config: Of a method of single frames.
        checkpoint: Its weights.
        exports: Files that were made of them.
        limit: How many frames at most, evenly over the data.

    Returns:
        Percent by name: ``'PyTorch'`` and the names of the files; None where no labelled frames are on this disk.
    """
    steps = [step for step in find_test_dataset(config).pipeline if step['type'] != 'Resize']
    try:
        dataset = DATASETS.build(dict(find_test_dataset(config), pipeline=steps))
    except FileNotFoundError:
        return None
    places = np.unique(np.linspace(0, len(dataset) - 1, min(limit, len(dataset))).astype(int))
    eager = FramePredictor.load(config, checkpoint)
    labellers: dict[str, Callable[[np.ndarray], np.ndarray]] = {'PyTorch': lambda frame: eager(frame).cpu().numpy()}
    labellers |= {path.name: FrameLabeller(open_export(path)) for path in exports}
    metrics = {name: _iou_metric(config, dataset.metainfo) for name in labellers}
    for sample in (dataset[place] for place in places):
        if 'gt_sem_seg' not in sample['data_samples'] or None in metrics.values():
            return None
        frame = np.ascontiguousarray(sample['inputs'].numpy().transpose(1, 2, 0))
        for name, label in labellers.items():
            predicted = PixelData(data=torch.from_numpy(label(frame))[None].long())
            sample['data_samples'].pred_sem_seg = predicted
            metrics[name].process({}, [sample['data_samples'].to_dict()])
    return {name: metric.evaluate(len(places))['mIoU'] for name, metric in metrics.items()}


def _iou_metric(config: Config, metainfo: dict[str, Any]) -> Any:
    """Build the metric of mIoU that the config tests with, or give None."""
    found = config.get('test_evaluator') or config.get('val_evaluator') or []
    for evaluator in [found] if isinstance(found, dict) else found:
        metric = METRICS.build(evaluator)
        if isinstance(metric, IoUMetric) and 'mIoU' in metric.metrics:
            metric.dataset_meta = metainfo
            return metric
    return None
