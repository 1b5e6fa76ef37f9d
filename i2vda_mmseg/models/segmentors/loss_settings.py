"""The settings of a segmentor's own losses: what mmseg needs for them to act, and which cannot."""

from collections.abc import Iterator
from typing import Any

import torch
import torch.nn.functional as F
from mmengine.structures import PixelData
from mmseg.models.decode_heads.decode_head import BaseDecodeHead
from mmseg.models.losses import CrossEntropyLoss, FocalLoss
from mmseg.models.losses.cross_entropy_loss import cross_entropy
from mmseg.models.losses.focal_loss import py_sigmoid_focal_loss
from mmseg.structures import SegDataSample
from torch import Tensor, nn

from i2vda_mmseg.errors import ConfigError
from i2vda_mmseg.ops import IGNORE_INDEX

_PROBE_SIZE = (8, 12)


def prepare_losses(network: nn.Module) -> None:
    """Let the losses of a segmentor act as its config says, or refuse what cannot.

    Each head that learns by mmseg's ``loss_by_feat`` computes its losses once, of random logits and labels.

    Args:
        network: Changed in place: class weights and ``avg_non_ignore`` of cross entropy go together, cross entropy does
            not wait for a GPU, and focal losses need no compiled operator.

    Raises:
        ConfigError: If weights are not as many as the classes, or a loss or a sampler fails.
    """
    for loss in network.modules():
        if isinstance(loss, CrossEntropyLoss) and loss.class_weight is not None:
            # It averages over the weights of the valid pixels anyway, and fails to leave the ignored ones out again.
            loss.avg_non_ignore = False
        if isinstance(loss, CrossEntropyLoss):
            without_waiting(loss)
        if type(loss) is FocalLoss:
            loss.__class__ = _PortableFocalLoss
    for name, head in network.named_modules():
        if isinstance(head, BaseDecodeHead):
            for path, loss in _losses(head, f'model.segmentor.{name}.loss_decode'):
                spare = type(head).loss is not BaseDecodeHead.loss  # queries, as SAN's, have one class more: nothing
                _check_weights(path, loss, head.out_channels, spare)
            _try(f'model.segmentor.{name}', head)


def without_waiting(loss: CrossEntropyLoss) -> CrossEntropyLoss:
    """Let mmseg's cross entropy count its valid pixels where they are; it asks the GPU for their number each time."""
    if loss.cls_criterion is cross_entropy:
        loss.cls_criterion = _cross_entropy
    return loss


def _cross_entropy(
    pred: Tensor,
    label: Tensor,
    weight: Tensor | None = None,
    class_weight: Tensor | None = None,
    reduction: str = 'mean',
    avg_factor: Any = None,
    ignore_index: int = -100,
    avg_non_ignore: bool = False,
) -> Tensor:
    """mmseg's, with the same value to the last bit on a CPU."""
    if avg_factor is None and reduction == 'mean' and class_weight is None and avg_non_ignore:
        avg_factor = (label != ignore_index).sum().to(torch.promote_types(pred.dtype, torch.float32))
    return cross_entropy(pred, label, weight, class_weight, reduction, avg_factor, ignore_index, avg_non_ignore)


class _PortableFocalLoss(FocalLoss):
    """mmseg's focal loss by its formula in plain PyTorch, on any device and beside a sampler.

    Without a GPU that of onedl-mmsegmentation fails on labels of several classes, and with one it needs compiled
    operators: https://github.com/open-mmlab/mmsegmentation/blob/main/mmseg/models/losses/focal_loss.py.
    """

    def forward(
        self,
        pred: Tensor,
        target: Tensor,
        weight: Tensor | None = None,
        avg_factor: Any = None,
        reduction_override: str | None = None,
        ignore_index: int = IGNORE_INDEX,
        **kwargs: Any,
    ) -> Tensor:
        """Compute it of logits (N, C, H, W) and labels (N, H, W): the mean over pixels and classes, or each."""
        count = pred.shape[1]
        valid = target != ignore_index
        known = F.one_hot(target.where(valid, 0).flatten(), count)
        reduction = reduction_override or self.reduction
        loss = self.loss_weight * py_sigmoid_focal_loss(
            pred.movedim(1, -1).reshape(-1, count),
            known,
            weight=None if weight is None else weight.flatten(),
            gamma=self.gamma,
            alpha=self.alpha,
            class_weight=self.class_weight,
            valid_mask=valid.view(-1, 1),
            reduction=reduction,
            avg_factor=avg_factor,
        )
        return loss.view(*target.shape, count).movedim(-1, 1) if reduction == 'none' else loss


def _losses(head: Any, path: str) -> Iterator[tuple[str, Any]]:
    losses = getattr(head, 'loss_decode', [])  # the head around K-Net's stages has none
    several = isinstance(losses, (nn.ModuleList, list))
    for index, loss in enumerate(losses if several else [losses]):
        yield f'{path}.{index}' if several else path, loss


def _check_weights(path: str, loss: Any, classes: int, spare: bool) -> None:
    for key in ('class_weight', 'alpha'):
        weights = getattr(loss, key, None)
        if isinstance(weights, (list, tuple)) and len(weights) not in (classes, classes + spare):
            raise ConfigError(f'{path}.{key}: {len(weights)} weights for {classes} classes; give one a class, in order')


def _try(path: str, head: Any) -> None:
    """Compute the losses of a head once, of logits that it might give."""
    if type(head).loss_by_feat is not BaseDecodeHead.loss_by_feat:
        return
    with torch.device('cpu'), torch.random.fork_rng(devices=[]), torch.no_grad():  # the model may be built on another
        logits = torch.randn(2, head.out_channels, *_PROBE_SIZE)
        labels = torch.arange(logits[:, 0].numel()).view(2, 1, *_PROBE_SIZE) % head.num_classes
        try:
            head.loss_by_feat(logits, [SegDataSample(gt_sem_seg=PixelData(data=label)) for label in labels])
        except (AssertionError, IndexError, RuntimeError, TypeError, ValueError, NotImplementedError) as error:
            kinds = [type(loss).__name__.removeprefix('_Portable') for _, loss in _losses(head, '')]
            sampler = f' with {type(head.sampler).__name__}' if head.sampler is not None else ''
            raise ConfigError(
                f'{path}.loss_decode: {" and ".join(kinds)}{sampler} cannot be computed of {head.out_channels} classes '
                f'({type(error).__name__}: {str(error).partition(chr(10))[0]}); choose other settings or another loss'
            ) from error
