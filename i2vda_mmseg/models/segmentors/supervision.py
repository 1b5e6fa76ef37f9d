"""What a segmentor learns from labels: the losses of its own heads, in one forward pass with its predictions."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any, NamedTuple

import torch
from mmengine.structures import PixelData
from mmseg.models.decode_heads import decode_head as base_head
from mmseg.structures import SegDataSample
from torch import Tensor

from i2vda_mmseg.models.statistics import frozen_statistics
from i2vda_mmseg.ops import IGNORE_INDEX, upsample

from .pixel_weights import listed, weighted_loss
from .reading import encode_decode, judges_auxiliary_head, whole_image_metas


class Supervision(NamedTuple):
    """What came of one pass with labels.

    Attributes:
        losses: The sum of the segmentor's own losses, as ``loss_seg``; and that of its auxiliary heads, as
            ``loss_seg_aux``, where there are any.
        details: The terms of both, detached, under the names that mmseg logs them by. ``acc_seg`` is left out: it sorts
            all logits, which takes longer than the loss and waits for the GPU.
        coarse: Gives the logits of the same pass by level, (N, C, h, w) float32: 'main', and 'aux' where that head is
            judged. A head that only predicts them is asked now, for the features of the pass.
        output: What the network gave in mode 'tensor', where its losses are made of that: ``TwoFrameLogits``.
        encoded: What its backbone gave for the images, where it has one; of images that it sees several parts of, for
            the first part.
    """

    losses: dict[str, Tensor]
    details: dict[str, Tensor]
    coarse: Callable[[], dict[str, Tensor]]
    output: Any = None
    encoded: Any = None


def labelled_samples(labels: Tensor, weights: Tensor | None = None) -> list[SegDataSample]:
    """Wrap labels (N, H, W), int64, as mmseg's heads take them: pseudo-labels, mixed labels.

    With ``weights`` (N, H, W) the loss of each pixel counts that much, in networks that ``weighs_pixels``.

    Example:
        >>> labelled_samples(torch.zeros(2, 4, 6, dtype=torch.int64))[1].gt_sem_seg.shape
        (4, 6)
    """
    metas = whole_image_metas(labels[:, None])
    samples = [
        SegDataSample(metainfo=meta, gt_sem_seg=PixelData(data=label[None])) for meta, label in zip(metas, labels)
    ]
    for sample, weight in zip(samples, () if weights is None else weights):
        sample.loss_weight = PixelData(data=weight[None])
    return samples


def supervised_pass(
    segmentor: Any, network: Any, images: Tensor, samples: Sequence[Any], name: str, at_image_size: bool = False
) -> Supervision:
    """Make one forward pass of the segmentor and compute its own losses, in float32, and its predictions.

    For the arguments see ``DomainAdaptiveSegmentor.supervised``. What is called is ``segmentor``: ``network``, prepared
    by ``predict_densely``, or its DDP wrapper.
    """
    with recorded(network, images.shape[-2:] if at_image_size else None) as record:
        terms = segmentor(images, list(samples), mode='loss')
    losses, details = summed(terms, name)
    coarse = partial(_coarse_logits, network, images, record)
    return Supervision(losses, details, coarse, record.get('output'), record.get('encoded'))


def summed(terms: dict[str, Any], name: str) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Sum what a segmentor returned in mode 'loss', as mmengine does: means of tensors, sums over lists.

    Args:
        terms: By mmseg's names; those of auxiliary heads begin with 'aux', and only those with 'loss' are learnt from.
        name: Name of the sum.

    Returns:
        The sums, ``name`` and ``<name>_aux``; and all terms, detached. Those of another loss than ``loss_seg`` are
        named after it.

    Example:
        >>> terms = {'decode.loss_ce': torch.tensor(2.0), 'aux.loss_ce': torch.tensor([1.0, 3.0])}
        >>> summed(terms, 'loss_seg')[0]
        {'loss_seg': tensor(2.), 'loss_seg_aux': tensor(2.)}
    """
    losses: dict[str, Tensor] = {}
    details = {}
    prefix = '' if name == 'loss_seg' else f'{name.removeprefix("loss_")}.'
    for key, value in terms.items():
        if value is None:
            continue
        total = value.mean() if isinstance(value, Tensor) else torch.stack([each.mean() for each in value]).sum()
        details[prefix + key] = total.detach()
        if 'loss' in key:
            term = f'{name}_aux' if key.startswith('aux') else name
            losses[term] = losses[term] + total if term in losses else total
    return losses, details


@contextmanager
def recorded(network: Any, size: Sequence[int] | None = None) -> Iterator[dict[str, Any]]:
    """Record what the heads hand to their losses, and compute those in float32.

    The logits of the predicting head are resized to ``size``, (H, W), first, if there is one.

    Yields:
        'main' and 'aux': outputs of the heads that predict; 'features': what all heads saw; 'encoded': what the
        backbone gave; 'output': of mode 'tensor'.
    """
    record: dict[str, Any] = {}
    with ExitStack() as stack:
        for level, head in _heads(network):
            for method in ('loss_by_feat', 'loss') if getattr(head, 'ignore_index', None) is not None else ():
                stack.enter_context(_replaced(head, method, partial(_with_own_labels, head.ignore_index)))
            if hasattr(head, 'loss_by_feat'):
                resize = None
                if size is not None and level == 'main':
                    resize = partial(upsample, size=size, align_corners=head.align_corners)
                stack.enter_context(_replaced(head, 'loss_by_feat', partial(_float_loss, record, level, resize)))
                stack.enter_context(_replaced(head, 'loss_by_feat', partial(weighted_loss, head)))
        stack.enter_context(_replaced(base_head, 'accuracy', lambda *_, **__: None))
        for method, key in (('extract_feat', 'features'), ('_forward', 'output')):
            if hasattr(network, method):
                stack.enter_context(_replaced(network, method, partial(_keep, record, key)))
        if getattr(network, 'backbone', None) is not None:
            stack.enter_context(_replaced(network.backbone, 'forward', partial(_keep, record, 'encoded')))
        yield record


def _heads(network: Any) -> list[tuple[str | None, Any]]:
    """The heads, the two that may be judged under the names of their levels."""
    *others, main = listed(getattr(network, 'decode_head', None)) or [None]
    auxiliary = listed(getattr(network, 'auxiliary_head', None))
    aux_level = 'aux' if judges_auxiliary_head(network) else None
    return [*((None, head) for head in others), ('main', main), *((aux_level, head) for head in auxiliary)]


@contextmanager
def _replaced(owner: Any, name: str, wrapper: Callable) -> Iterator[None]:
    """Let ``wrapper(original, *args)`` stand in for a method of one object."""
    own = {key: value for key, value in vars(owner).items() if key == name}
    setattr(owner, name, partial(wrapper, getattr(owner, name)))
    try:
        yield
    finally:
        delattr(owner, name)
        vars(owner).update(own)


def _float_loss(
    record: dict[str, Any], level: str | None, resize: Callable | None, loss_by_feat: Any, *args: Any, **kwargs: Any
) -> Any:
    args = _as_float(args)
    if resize is not None and isinstance(args[0], Tensor):
        args = (resize(args[0]), *args[1:])
    if level is not None:
        record[level] = args[0]
    device = next((x.device.type for x in args if isinstance(x, Tensor)), 'cpu')
    with torch.autocast(device, enabled=False):
        return loss_by_feat(*args, **kwargs)


def _with_own_labels(ignore_index: int, learn: Callable, *args: Any, **kwargs: Any) -> Any:
    """Give a head that ignores another label than 255 that one in its place, so that it ignores both."""
    if ignore_index == IGNORE_INDEX:
        return learn(*args, **kwargs)
    return learn(*(_relabelled(value, ignore_index) for value in args), **kwargs)


def _relabelled(value: Any, ignore_index: int) -> Any:
    if not (isinstance(value, list) and value and isinstance(value[0], SegDataSample)):
        return value
    samples = [sample.clone() for sample in value]
    for sample in samples:
        labels = sample.gt_sem_seg.data
        sample.gt_sem_seg = PixelData(data=labels.masked_fill(labels == IGNORE_INDEX, ignore_index))
    return samples


def _keep(record: dict[str, Any], key: str, function: Callable, *args: Any, **kwargs: Any) -> Any:
    """Keep what a method returns; where it is called several times, as for crops, what it returned first."""
    output = function(*args, **kwargs)
    record.setdefault(key, output)
    return output


def _as_float(value: Any) -> Any:
    if isinstance(value, Tensor):
        return value.float() if value.is_floating_point() else value
    if type(value) in (list, tuple):
        return type(value)(_as_float(each) for each in value)
    return value


def _coarse_logits(network: Any, images: Tensor, record: dict[str, Any]) -> dict[str, Tensor]:
    reading = network.reading
    if not reading.by_predicting and 'main' in record:
        main = reading.dense(record['main'])
        return dict(main=main, aux=record['aux']) if 'aux' in record else dict(main=main)
    return dict(main=_predicted_again(network, images, record))


def _predicted_again(network: Any, images: Tensor, record: dict[str, Any]) -> Tensor:
    """Predict with the features of the pass, where the heads do not show what they predict with when they learn."""
    if 'features' not in record:
        return network(images, mode='tensor').float()
    with frozen_statistics(network), _replaced(network, 'extract_feat', lambda *_: record['features']):
        return network.reading.logits(encode_decode(network, images)).float()
