"""The dense prediction of any segmentor: one map of logits, whatever its head predicts with."""

from collections.abc import Sequence
from copy import deepcopy
from functools import partial
from typing import Any, NamedTuple

import torch
from mmengine.logging import print_log
from mmengine.structures import PixelData
from mmseg.models import EncoderDecoder
from mmseg.models.decode_heads.cascade_decode_head import BaseCascadeDecodeHead
from mmseg.models.decode_heads.decode_head import BaseDecodeHead
from mmseg.models.segmentors import CascadeEncoderDecoder
from torch import Tensor, nn

from i2vda_mmseg.errors import ConfigError
from i2vda_mmseg.models.statistics import evaluating
from i2vda_mmseg.ops import upsample

_PROBE_SIZE = (64, 96)


class Reading(NamedTuple):
    """How the logits with which a network predicts are read in training.

    Attributes:
        place: Which of the outputs of the head they are, where it has several: the last stage of K-Net, the middle
            branch of PIDNet; None where it has one.
        by_predicting: Whether only the head's ``predict`` makes them, as in PointRend and MaskFormer.
        in_log_space: Whether that gives scores of at least 0 (class probabilities times masks), of which the logarithm
            takes the place of logits.
        unreached: Names of the parameters without a part in them, which learn from the segmentor's own losses alone.
    """

    place: int | None = None
    by_predicting: bool = False
    in_log_space: bool = False
    unreached: tuple[str, ...] = ()

    def dense(self, output: Any) -> Tensor:
        """Take the map that the network predicts with from what its head gives.

        Raises:
            ConfigError: If that is several maps, of which none is known.
        """
        if isinstance(output, Tensor):  # also of K-Net and its like, outside training
            return output
        if self.place is None:
            raise ConfigError(
                f'model.segmentor.decode_head: gives a {type(output).__name__} where one (N, C, h, w) map of logits is '
                'needed, and could not be tried out when it was built (the log says why)'
            )
        return output[self.place]

    def logits(self, predicted: Tensor) -> Tensor:
        """Turn what the head predicts (N, C, H, W) into logits; those of probabilities p are log p."""
        if not self.in_log_space:
            return predicted
        return predicted.float().clamp(min=torch.finfo(torch.float32).tiny).log()


def predict_densely(network: Any) -> Reading:
    """Let ``network(images, mode='tensor')`` give (N, C, h, w) logits: those with which it predicts in its tests.

    Most heads give one map, and nothing changes. Where a head gives several in training, or none without its
    ``predict``, the right ones are found by comparison with the stock ``encode_decode`` on a random image.

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
    reading = Reading() if _is_plain(network) else _probed(network)
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
        network.reading = Reading() if _is_plain(network) else _probed(network)
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


def judges_auxiliary_head(network: nn.Module) -> bool:
    """Whether the auxiliary head of a network predicts, as in ``MultiLevelEncoderDecoder``, and does not only learn."""
    return getattr(network, 'judges_auxiliary_head', False)


def encode_decode(network: Any, images: Tensor) -> Tensor:
    """Predict as in a test of whole images: (N, 3, H, W) to (N, C, H, W), logits or, with some heads, scores."""
    return network.encode_decode(images, whole_image_metas(images))


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


def whole_image_metas(images: Tensor) -> list[dict]:
    """Describe images (N, 3, H, W) that are neither resized nor padded, one dict for each."""
    size = images.shape[-2:]
    return [dict(ori_shape=size, img_shape=size, pad_shape=size, padding_size=[0, 0, 0, 0]) for _ in images]


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


def _is_plain(network: Any) -> bool:
    """Whether the head's only output is what it learns and predicts with, as mmseg's base classes have it."""
    if getattr(network, 'predicts_densely', False):  # a network that says so of itself
        return True
    if type(network)._forward not in (EncoderDecoder._forward, CascadeEncoderDecoder._forward) and not getattr(
        network, 'judges_auxiliary_head', False
    ):
        return False
    heads = network.decode_head
    head: Any = type(heads[-1] if isinstance(heads, nn.ModuleList) else heads)
    return (
        issubclass(head, BaseDecodeHead)
        and head.loss_by_feat is BaseDecodeHead.loss_by_feat
        and head.predict_by_feat is BaseDecodeHead.predict_by_feat
        and head.loss in (BaseDecodeHead.loss, BaseCascadeDecodeHead.loss)
        and head.predict in (BaseDecodeHead.predict, BaseCascadeDecodeHead.predict)
    )


def _probed(network: Any) -> Reading:
    """Find the map of logits among what the head gives in training."""
    devices = [parameter.device for parameter in network.parameters()][:1]
    forked = torch.random.fork_rng(devices=[device for device in devices if device.type == 'cuda'])
    with forked, torch.enable_grad(), evaluating(network):
        images = torch.randn(2, 3, *_PROBE_SIZE, device=devices[0])
        try:
            expected = _expected(network, images)
            network = deepcopy(network)
            if not expected.isfinite().all():  # weights that init_weights has yet to draw
                for parameter in network.parameters():
                    nn.init.normal_(parameter, std=0.02)
                expected = _expected(network, images)
        except Exception as error:  # a network that wants other images, or a GPU, is taken as it is
            print_log(f'{type(network).__name__} was not tried out on a {_PROBE_SIZE} image: {error}', 'current')
            return Reading()
        for part in _structure(network):
            part.training = True  # what a head or backbone gives, but not dropout and batch statistics
        for candidate, output in _candidates(network, images):
            if _agree(candidate, output, expected, network.align_corners):
                return candidate._replace(unreached=_unreached(network, output))
    raise ConfigError(
        f'model.segmentor.decode_head: the prediction of {type(network.decode_head).__name__} is not among what it '
        'gives in training: the methods need it as one (N, C, h, w) map of logits'
    )


@torch.no_grad()
def _expected(network: Any, images: Tensor) -> Tensor:
    """Predict with a copy, for a pass may leave something in a network: SAN keeps the features of its text."""
    return encode_decode(deepcopy(network), images)


def _structure(network: Any) -> list[nn.Module]:
    """The network and its direct parts, whose outputs may differ in training."""
    parts = list(network.children())
    return [network, *parts, *(child for part in parts if isinstance(part, nn.ModuleList) for child in part)]


def _candidates(network: Any, images: Tensor) -> Any:
    """Readings to try, each with what it makes of the images."""
    try:
        output = type(network)._forward(network, images)
    except Exception:  # a head that needs more than features, such as one that refines another's prediction
        output = ()
    if judges_auxiliary_head(network):
        output = output[0]
    if isinstance(output, Tensor):
        yield Reading(), output
    else:
        yield from ((Reading(place=i), x) for i, x in enumerate(output) if isinstance(x, Tensor) and x.ndim == 4)
    predicted = encode_decode(network, images)
    are_scores = bool((predicted >= 0).all() and (predicted > 0).any())
    yield Reading(by_predicting=True, in_log_space=are_scores), predicted


def _agree(candidate: Reading, output: Tensor, expected: Tensor, align_corners: bool) -> bool:
    if output.shape[:2] != expected.shape[:2]:
        return False
    with torch.no_grad():
        resized = upsample(output, expected.shape[-2:], align_corners)
        return torch.allclose(resized, expected, rtol=1e-3, atol=1e-5 + 1e-4 * expected.abs().max().item())


def _unreached(network: nn.Module, output: Tensor) -> tuple[str, ...]:
    named = [(name, parameter) for name, parameter in network.named_parameters() if parameter.requires_grad]
    if not output.requires_grad:  # a network that is frozen as a whole
        return tuple(name for name, _ in named)
    gradients = torch.autograd.grad(output.sum(), [parameter for _, parameter in named], allow_unused=True)
    return tuple(name for (name, _), gradient in zip(named, gradients) if gradient is None)
