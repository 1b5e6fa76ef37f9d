"""From a checkpoint of a method to one that stock MMSegmentation loads."""

from copy import deepcopy
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmseg.registry import MODELS

from i2vda_mmseg.engine.checkpoints import read_checkpoint
from i2vda_mmseg.engine.frame_predictor import find_test_dataset, model_of
from i2vda_mmseg.errors import ConfigError
from i2vda_mmseg.fileio.atomic import require_another_file
from i2vda_mmseg.fileio.atomic_checkpoint import save_atomically
from i2vda_mmseg.models.segmentors.checkpoint import check_fit
from i2vda_mmseg.models.segmentors.checkpoint_parts import SEGMENTOR, is_of_method, segmentor_weights, state_of


def export_checkpoint(checkpoint: str, out: str) -> Path:
    """Keep the segmentor's weights, without their prefix, and the class names.

    Args:
        checkpoint: Checkpoint of a method.
        out: File to write; loads with ``strict=True`` into the ``EncoderDecoder`` of the method's config.

    Raises:
        ValueError: If the checkpoint holds no ``segmentor.*``, its network needs two frames, or ``out`` is itself.
    """
    require_another_file(out, checkpoint, 'the checkpoint to export')
    content = read_checkpoint(checkpoint)
    state = state_of(content, checkpoint)
    if not is_of_method(state):
        raise ValueError(
            f'{checkpoint} holds no {SEGMENTOR}* keys, as checkpoints of this project do; its keys are like '
            f'{next(iter(state), None)!r}'
        )
    segmentor = segmentor_weights(state)
    if 'sf_layer.weight' in segmentor:
        raise ValueError(
            f'{checkpoint} is of a method whose network takes two frames and the optical flow between them (it fuses '
            'them in segmentor.sf_layer), which no stock EncoderDecoder does: test it with tools/test.py instead'
        )
    path = Path(out)
    meta = {key: value for key, value in content.get('meta', {}).items() if key in ('dataset_meta', 'iter', 'seed')}
    save_atomically({'meta': meta, 'state_dict': segmentor}, path)
    return path


def check_export(config: Config, checkpoint: str | Path) -> None:
    """Compare an exported checkpoint with the network of its stock config.

    mmseg itself only logs what does not fit, and predicts with random weights in its place.

    Raises:
        ValueError: If a tensor is missing, is not of the network, or has another shape.
    """
    state, network = read_checkpoint(checkpoint)['state_dict'], MODELS.build(config.model).state_dict()
    advice = 'Give the config that the run saved beside its checkpoints, or the --cfg-options that it was trained with'
    check_fit(network, state, str(checkpoint), advice)
    check_fit(state, network, 'the network', advice)  # nothing is left over


def stock_config(config: Config) -> Config:
    """Write the config of a method's segmentor as a stock ``EncoderDecoder`` config, for testing and inference.

    Args:
        config: Of a method whose network takes one frame.

    Returns:
        A config for mmseg's ``init_model`` and ``MMSegInferencer``, together with the exported checkpoint.

    Raises:
        ConfigError: If it is of a plain network.
    """
    if 'segmentor' not in model_of(config):
        raise ConfigError(
            f'model.type: {config.model.type} is a plain network, whose config and checkpoints stock MMSegmentation '
            'takes as they are; --config is that of a method'
        )
    segmentor: dict[str, Any] = without_weights(config.model.segmentor.to_dict())
    preprocessor = dict(config.model.data_preprocessor.to_dict(), type='SegDataPreProcessor')
    names = ('test_dataloader', 'test_cfg', 'test_evaluator', 'default_scope', 'custom_imports')
    kept = {name: deepcopy(config[name]) for name in names if name in config}
    kept['test_pipeline'] = _stock_pipeline(find_test_dataset(config).pipeline)  # where mmseg.apis looks for it
    if kept.get('test_dataloader'):
        kept['test_dataloader']['dataset']['pipeline'] = kept['test_pipeline']
    kept['visualizer'] = dict(type='SegLocalVisualizer', name='visualizer')
    return Config(dict(model=dict(segmentor, data_preprocessor=preprocessor), **kept))


def without_weights(value: Any) -> Any:
    """Leave out of a network's config, at any depth, where initial weights are from, so that nothing is fetched."""
    if isinstance(value, (list, tuple)):
        return type(value)(without_weights(each) for each in value)
    if not isinstance(value, dict):
        return value
    kept = {key: without_weights(each) for key, each in value.items() if key not in ('init_cfg', 'checkpoint_path')}
    if kept.get('pretrained'):
        kept['pretrained'] = False if kept['pretrained'] is True else None
    return kept


def _stock_pipeline(pipeline: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Name the step that reads images as ``MMSegInferencer`` asks for it; the same decoder gives the same pixels."""
    reading = dict(type='LoadImageFromFile', imdecode_backend='pillow')
    return [reading if step['type'] == 'LoadImage' else dict(step) for step in pipeline]
