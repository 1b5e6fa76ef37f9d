"""A network of MMSegmentation, narrow enough for a CPU: fewer channels, all heads and losses kept."""

from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config, ConfigDict
from mmseg.registry import MODELS

FACTOR, SMALLEST = 4, 32
PRETRAINED = ('pretrained', 'checkpoint_path', 'init_cfg')
# Narrow where the config does not say it: the widths that these backbones have by themselves.
BACKBONES = {
    'ResNetV1c': dict(base_channels=16, stem_channels=16),
    'ResNet': dict(base_channels=16, stem_channels=16),
    'ResNeSt': dict(base_channels=16),
}
# Of these backbones no key makes the network narrower, or their heads would have to be written anew.
FULL_WIDTH = ('mmpretrain.', 'MobileNetV', 'BiSeNetV', 'STDC', 'FastSCNN', 'ERFNet', 'CGNet', 'ICNet')


def narrow_segmentor(path: str, classes: list[str], size: tuple[int, int]) -> ConfigDict:
    """Read the network of a config of MMSegmentation, with random weights.

    Args:
        path: A config file, a base model or a leaf.
        classes: Names of the classes of every head.
        size: (H, W) of the images, for backbones that take one size.
    """
    config = Config.fromfile(path).model.to_dict()
    config.pop('data_preprocessor', None)  # the method has its own
    config = _rewritten(config, _find(config, 'num_classes') or 0, len(classes))
    if not str(_find(config, 'backbone') and config['backbone'].get('type')).startswith(FULL_WIDTH):
        config = _scaled(config)
    backbone = config.get('backbone', {})
    backbone.update(BACKBONES.get(backbone.get('type'), {}))
    if backbone.get('type') in ('BEiT', 'MAE'):
        backbone['img_size'] = size
    if 'text_encoder' in config:
        config['text_encoder'].update(dataset_name=None, vocabulary=classes)
    return ConfigDict(config)


def write_clip(segmentor: ConfigDict, path: Path) -> Path:
    """Write drawn weights as those of CLIP, from which SAN starts: mmseg leaves them as the memory was."""
    torch.manual_seed(0)
    network = MODELS.build(segmentor)
    parts = ('image_encoder', 'text_encoder', 'decode_head.rec_with_attnbias')
    state = {key: _drawn(key, value) for key, value in network.state_dict().items() if key.startswith(parts)}
    torch.save(state, path)
    return path


def _drawn(key: str, value: torch.Tensor) -> torch.Tensor:
    if not value.is_floating_point():
        return value
    is_gain = value.ndim == 1 and key.endswith('weight')
    return torch.ones_like(value) if is_gain else 0.02 * torch.randn_like(value)


def _find(value: Any, key: str) -> Any:
    if isinstance(value, dict):
        return value[key] if key in value else next((x for v in value.values() if (x := _find(v, key))), None)
    if isinstance(value, (list, tuple)):
        return next((x for v in value if (x := _find(v, key))), None)
    return None


def _rewritten(value: Any, former: int, classes: int) -> Any:
    """Set the number of classes, and take names of weights out."""
    if isinstance(value, dict):
        return {k: _setting(k, v, former, classes) for k, v in value.items() if k not in PRETRAINED or _draws(v)}
    if isinstance(value, (list, tuple)):
        return type(value)(_rewritten(each, former, classes) for each in value)
    return value


def _draws(init_cfg: Any) -> bool:
    """Whether initial weights are drawn, not loaded."""
    entries = init_cfg if isinstance(init_cfg, list) else [init_cfg]
    return all(isinstance(entry, dict) and entry.get('type') != 'Pretrained' for entry in entries)


def _setting(key: str, value: Any, former: int, classes: int) -> Any:
    if key == 'num_classes':
        return classes
    if key == 'class_weight' and value:
        background = list(value[former:])  # of the class 'nothing' of query heads
        return [*value[:classes], *background]
    return _rewritten(value, former, classes)


def _scaled(value: Any, key: str = '') -> Any:
    if isinstance(value, dict):
        return {k: _scaled(v, k) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(_scaled(each, key) for each in value)
    is_width = 'channels' in key or 'dim' in key or key == 'num_feats'
    wide = is_width and type(value) is int and value >= SMALLEST and value % FACTOR == 0
    return value // FACTOR if wide else value
