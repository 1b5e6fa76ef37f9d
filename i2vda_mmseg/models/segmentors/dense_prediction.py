"""The dense prediction of any segmentor: one map of logits, whatever its head predicts with."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import torch
from mmengine.structures import PixelData
from mmseg.models import EncoderDecoder
from torch import Tensor, nn

from i2vda_mmseg.errors import ConfigError

from .reading import Reading, encode_decode, find_reading, judges_auxiliary_head, whole_image_metas


def predict_densely(network: Any) -> Reading:
    """Let ``network(images, mode='tensor')`` give (N, C, h, w) logits: those with which it predicts in its tests.

    Most heads give one map, and nothing changes; for others see ``find_reading``.

    Its predictions hold logits as well (``predict_logits``).

    A ``MultiLevelEncoderDecoder`` goes on to give (main, aux), and the parameters of heads that only learn are given a
    gradient of zero, for DDP wants one for every parameter from every pass.

    Returns:
        How the logits are read, also kept as ``network.reading``.

    Raises:
        ConfigError: If the network has no dense prediction of one logit a class, or none in training.
    """
    _check_channels(network)
    _check_windows(getattr(network, 'test_cfg', None) or {})
    reading = find_reading(network)
    if not judges_auxiliary_head(network):
        auxiliary = [name for name, _ in network.named_parameters() if name.startswith('auxiliary_head.')]
        reading = reading._replace(unreached=tuple(dict.fromkeys((*reading.unreached, *auxiliary))))
    network.reading = reading
    if reading != Reading():
        network._forward = partial(_dense_forward, network)
    _let_predictions_hold_logits(network)
    return reading


def predict_logits(network: nn.Module) -> None:
    """Let ``seg_logits`` of the predictions of a plain segmentor be logits, as those of methods are.

    mmseg's heads of masks predict scores, of which a softmax makes nearly the same probability for all classes.

    Args:
        network: Changed in place, if it is an ``EncoderDecoder`` that has not been; others stay as they are.
    """
    if isinstance(network, EncoderDecoder) and getattr(network, 'reading', None) is None:
        network.reading = find_reading(network)
        _let_predictions_hold_logits(network)


def hold_logits(samples: Sequence[Any], reading: Reading) -> Sequence[Any]:
    """Turn ``seg_logits`` of predictions, as a head gave them, into logits; the classes stay what they are."""
    for sample in samples if reading.in_log_space else ():
        sample.seg_logits = PixelData(data=reading.logits(sample.seg_logits.data))
    return samples


def _let_predictions_hold_logits(network: Any) -> None:
    if network.reading.in_log_space:
        network.postprocess_result = partial(_logits_result, network)


def _logits_result(network: Any, seg_logits: Tensor, data_samples: Any = None) -> Any:
    """Stand in for the ``postprocess_result`` of a network whose head gives scores."""
    return hold_logits(type(network).postprocess_result(network, seg_logits, data_samples), network.reading)


def logits_at_test_time(network: Any, images: Tensor) -> Tensor:
    """Predict as the network's ``test_cfg`` says: (N, 3, H, W) to logits (N, C, h, w), of windows (N, C, H, W)."""
    if (getattr(network, 'test_cfg', None) or {}).get('mode', 'whole') == 'slide':
        return network.reading.logits(network.slide_inference(images, whole_image_metas(images)))
    output = network(images, mode='tensor')
    return output[0] if judges_auxiliary_head(network) else output


def predicts_whole(network: Any, data_samples: Sequence[Any] | None) -> bool:
    """Whether a test needs nothing but logits of the feature maps' size: no windows, no padding, no refinement."""
    slides = (getattr(network, 'test_cfg', None) or {}).get('mode', 'whole') != 'whole'
    metas = [sample.metainfo for sample in data_samples or []]
    padded = any(any(meta.get('img_padding_size', meta.get('padding_size', ()))) for meta in metas)
    return bool(metas) and not slides and not padded and not network.reading.by_predicting


def _dense_forward(network: Any, inputs: Tensor, data_samples: list | None = None) -> Any:
    """Stand in for the ``_forward`` of a network, mmseg's mode 'tensor'."""
    reading = network.reading
    if reading.by_predicting:
        output = reading.logits(encode_decode(network, inputs))
    else:
        output = type(network)._forward(network, inputs, data_samples)
        if judges_auxiliary_head(network):
            main, *others = output
            return (reading.dense(main), *others)
        output = reading.dense(output)
    if reading.unreached and torch.is_grad_enabled() and output.requires_grad:
        parameters = dict(network.named_parameters())
        output = output + 0 * sum(parameters[name].sum() for name in reading.unreached)
    return output


def _check_channels(network: Any) -> None:
    channels, classes = getattr(network, 'out_channels', None), network.num_classes
    if channels is not None and channels != classes:
        raise ConfigError(
            f'model.segmentor.decode_head.out_channels: the methods need a logit for each of the {classes} classes, '
            f'got {channels}: leave out_channels and threshold out'
        )


def _check_windows(test_cfg: Any) -> None:
    """Refuse what mmseg fails on in the first test."""
    for key in ('crop_size', 'stride') if test_cfg.get('mode') == 'slide' else ():
        value = test_cfg.get(key)
        if not (isinstance(value, (tuple, list)) and len(value) == 2):
            raise ConfigError(f'model.segmentor.test_cfg.{key}: windows need two numbers (H, W) for it, got {value!r}')
