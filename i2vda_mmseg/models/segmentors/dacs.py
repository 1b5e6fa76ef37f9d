"""DACS, domain adaptation via cross-domain mixed sampling."""

from collections.abc import Iterator
from typing import Any

import torch
from mmseg.registry import MODELS
from torch import Tensor

from i2vda_mmseg.errors import ConfigError
from i2vda_mmseg.ops import LABEL_VALUES, class_mix_mask, mixed

from .self_training import PseudoLabels, SelfTrainingSegmentor
from .supervision import Supervision


@MODELS.register_module()
class DACS(SelfTrainingSegmentor):
    """Classes of a source image pasted into a target image (Tranheden et al., WACV 2021).

    Half of the classes of the source batch are cut out of each source image, with their labels, and laid over a target
    image with its pseudo-labels (ClassMix). The student learns the mixed image under colour changes and blur,
    ``loss_mix``: a source pixel counts 1, a target pixel as much as the share of the batch's pixels of which the
    teacher is sure, ``pseudo_label_quality``::

        loss = loss_seg + lambda_mix loss_mix

    Args:
        segmentor: Config of an ``EncoderDecoder``.
        lambda_mix: Weight of ``loss_mix``.
        **kwargs: Those of ``SelfTrainingSegmentor``.
    """

    def __init__(self, segmentor: dict, lambda_mix: float = 1.0, **kwargs: Any) -> None:
        super().__init__(segmentor, **kwargs)
        self.lambda_mix = lambda_mix
        self.loss_weights.update(loss_mix=lambda_mix, loss_mix_aux=lambda_mix)

    def target_supervisions(self, batch: dict[str, Any], pseudo: PseudoLabels) -> Iterator[Supervision]:
        """Make the pass of the mixed images."""
        images, labels, weights = self.mix(batch, pseudo)
        yield self.supervised_target(self.augmented(images), labels, weights, 'loss_mix')

    def images_to_mix(self, target: dict[str, Any]) -> Tensor:
        """Give the target images, or pairs, onto which classes are laid, network input."""
        return self.student_images(target)

    @torch.no_grad()
    def mix(self, batch: dict[str, Any], pseudo: PseudoLabels) -> tuple[Tensor, Tensor, Tensor]:
        """Mix source i with target i: images (N, 3, H, W) or pairs (N, 8, H, W), labels and weights (N, H, W).

        Raises:
            ConfigError: If the two differ in size.
        """
        source, target = batch['source']['inputs'], self.images_to_mix(batch['target'])
        if source.shape != target.shape:
            raise ConfigError(
                f'train_dataloader.dataset: {type(self).__name__} mixes source and target images, which must be of one '
                f'size, and are {tuple(source.shape[-2:])} and {tuple(target.shape[-2:])} (H, W): crop both to one size'
            )
        labels = batch['source']['labels']
        # on the CPU, whose generator training seeds: the same classes whatever the device
        order = torch.rand(len(labels), LABEL_VALUES).to(labels.device, non_blocking=True)
        mask = class_mix_mask(labels, order)
        weights = mixed(mask, torch.ones_like(pseudo.weights), pseudo.weights)
        return mixed(mask, source, target), mixed(mask, labels, pseudo.labels), weights
