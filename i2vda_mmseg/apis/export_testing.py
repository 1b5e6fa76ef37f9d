"""Testing an export as the checkpoint that it was made of is tested."""

from mmengine.config import Config
from mmseg.registry import METRICS

from i2vda_mmseg.engine.exported_segmentor import open_export
from i2vda_mmseg.engine.frame_predictor import find_test_dataset, read_metainfo
from i2vda_mmseg.errors import ConfigError
from i2vda_mmseg.runtime import ModelCard

from .export_runtimes import resizing_of

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
