"""CRST, confidence-regularised self-training."""

from typing import Any

import torch
from mmseg.registry import MODELS
from torch import Tensor

from .cbst import CBST
from .updates import SegmentorPass

REGULARIZERS = ('mrkld', 'lrent')


@MODELS.register_module()
class CRST(CBST):
    """Confidence-regularised self-training (Zou et al., ICCV 2019): ``CBST`` that is kept from being too sure.

    'mrkld' regularises the model: ``lambda_mrkld`` times ``loss_mrkld``, the cross entropy to the uniform distribution,
    a mean over the labelled pixels of the target alone. 'lrent' regularises the labels: ``loss_target`` is the cross
    entropy to soft labels, those of ``ClassBalancedLabeller(alpha=0.25)``, read by ``LoadSoftPseudoLabels``.

    Args:
        segmentor: Config of an ``EncoderDecoder``.
        regularizer: 'mrkld' or 'lrent'.
        lambda_mrkld: Weight of ``loss_mrkld``; 0.1 in the paper and in the released command. The released code
            multiplies it in twice, so that its results are those of 0.01.
        **kwargs: Those of ``CBST``.

    Raises:
        ValueError: If ``regularizer`` is unknown.
    """

    def __init__(self, segmentor: dict, regularizer: str = 'mrkld', lambda_mrkld: float = 0.1, **kwargs: Any) -> None:
        super().__init__(segmentor, **kwargs)
        if regularizer not in REGULARIZERS:
            raise ValueError(f'regularizer must be one of {REGULARIZERS}, got {regularizer!r}')
        self.regularizer = regularizer
        self.lambda_mrkld = lambda_mrkld
        self.loss_weights['loss_mrkld'] = lambda_mrkld
        self.loss_mrkld = MODELS.build(dict(type='MRKLDLoss'))
        self.loss_soft = MODELS.build(dict(type='SoftCrossEntropyLoss'))

    def target_pass(self, target: dict[str, Any]) -> SegmentorPass:
        """Learn from the pseudo-labels of the target images, regularised."""
        images = self.target_images(target)
        if self.regularizer == 'lrent':
            return SegmentorPass(dict(loss_target=self.loss_soft(self.logits(images), _soft_labels(target))), 'target')
        learnt = self.supervised(images, target['data_samples'], 'loss_target', at_image_size=True)
        logits = self.upsampled(learnt.coarse()['main'], images)
        losses = learnt.losses | dict(loss_mrkld=self.loss_mrkld(logits, target['labels']))
        return SegmentorPass(losses, 'target', details=learnt.details)


def _soft_labels(target: dict[str, Any]) -> Tensor:
    """Stack the soft labels (N, C, H, W) of the samples."""
    samples = target['data_samples']
    if not all('gt_soft_label' in sample for sample in samples):
        raise KeyError(
            "regularizer='lrent' needs soft labels: set alpha of ClassBalancedLabeller, and put LoadSoftPseudoLabels "
            'into the target pipeline'
        )
    return torch.stack([sample.gt_soft_label.data for sample in samples]).to(target['frames'].device)
