"""FDA, adaptation in the Fourier domain."""

from collections.abc import Iterator
from typing import Any

from mmengine.logging import MessageHub
from mmseg.registry import MODELS

from i2vda_mmseg.ops import robust_entropy

from .base import DomainAdaptiveSegmentor
from .updates import SegmentorPass


@MODELS.register_module()
class FDA(DomainAdaptiveSegmentor):
    """Source images in the target's look, and a penalty on uncertain target pixels (Yang and Soatto, CVPR 2020).

    The loss is ``loss_seg`` on the source image, which the transform ``SpectrumTransfer`` of the joint pipeline has
    given the look of the target image I_1, plus ``lambda_ent`` times ``loss_ent``: the robust entropy of I_1 at the
    resolution of the logits, an eighth of the image's. In the second stage, when the target samples carry pseudo-labels
    (those of ``MultiBandLabeller``), ``loss_target`` is added: the segmentor's own loss over the pixels that have one.

    Args:
        segmentor: Config of an ``EncoderDecoder``.
        lambda_ent: Weight of ``loss_ent``; ``entW`` in the released code.
        eta: Exponent of the robust entropy; ``ita`` in the released code.
        switch2entropy: Iteration of the run after which ``loss_ent``, which is logged from the start, is learnt from.
            The released default is 50,000, the released command sets 0: all iterations but the first.
        **kwargs: Those of ``DomainAdaptiveSegmentor``.

    Raises:
        ValueError: If ``switch2entropy`` is negative.
    """

    def __init__(
        self, segmentor: dict, lambda_ent: float = 0.005, eta: float = 2.0, switch2entropy: int = 0, **kwargs: Any
    ) -> None:
        super().__init__(segmentor, **kwargs)
        if switch2entropy < 0:
            raise ValueError(f'switch2entropy must not be negative, got {switch2entropy}')
        self.lambda_ent = lambda_ent
        self.eta = eta
        self.switch2entropy = switch2entropy

    def count_passes(self, batch: dict[str, Any]) -> int:
        """Say how many: one of each domain."""
        return 2

    def segmentor_passes(self, batch: dict[str, Any]) -> Iterator[SegmentorPass]:
        """Make the passes of the source image in the target's look and of the target image."""
        source, target = batch['source'], batch['target']
        supervision = self.supervised_source(source)
        yield SegmentorPass(supervision.losses, 'source', details=supervision.details)
        images = self.target_images(target)
        if 'labels' in target:
            learnt = self.supervised(images, target['data_samples'], 'loss_target')
            losses, details, coarse = learnt.losses, learnt.details, learnt.coarse()
        else:
            losses, details, coarse = {}, {}, self.coarse_logits(images)
        losses = dict(loss_ent=robust_entropy(coarse['main'], self.eta)) | losses
        # mmengine's way to tell a model how far the run is
        iteration = MessageHub.get_current_instance().get_info('iter', 0)
        self.loss_weights['loss_ent'] = self.lambda_ent if iteration > self.switch2entropy else 0.0
        yield SegmentorPass(losses, 'target', details=details)
