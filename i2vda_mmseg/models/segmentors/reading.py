"""Where the logits of a network are: among what its head gives in training, the map with which it predicts."""

from copy import deepcopy
from typing import Any, NamedTuple

import torch
from mmengine.logging import print_log
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


def find_reading(network: Any) -> Reading:
    """Say how the logits with which a network predicts are read in training.

    Most heads give one map. Where a head gives several in training, or none without its ``predict``, the right ones are
    found by comparison with the stock ``encode_decode`` on a random image.

    Raises:
        ConfigError: If its prediction is not among what it gives in training.
    """
    return Reading() if _is_plain(network) else _probed(network)


def judges_auxiliary_head(network: nn.Module) -> bool:
    """Whether the auxiliary head of a network predicts, as in ``MultiLevelEncoderDecoder``, and does not only learn."""
    return getattr(network, 'judges_auxiliary_head', False)


def encode_decode(network: Any, images: Tensor) -> Tensor:
    """Predict as in a test of whole images: (N, 3, H, W) to (N, C, H, W), logits or, with some heads, scores."""
    return network.encode_decode(images, whole_image_metas(images))


def whole_image_metas(images: Tensor) -> list[dict]:
    """Describe images (N, 3, H, W) that are neither resized nor padded, one dict for each."""
    size = images.shape[-2:]
    return [dict(ori_shape=size, img_shape=size, pad_shape=size, padding_size=[0, 0, 0, 0]) for _ in images]


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
