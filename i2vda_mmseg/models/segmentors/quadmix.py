"""QuadMix, mixing within and across the two domains."""

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from mmseg.registry import MODELS
from torch import Tensor

from i2vda_mmseg.errors import ConfigError
from i2vda_mmseg.models.statistics import frozen_statistics
from i2vda_mmseg.ops import (
    LABEL_VALUES,
    class_means,
    class_number_mask,
    confident_share,
    mean_discrepancy,
    resize_labels,
)

from .frame_fusion import stack_frames
from .labelled_pairs import LabelledPairs
from .levels import by_level
from .supervision import labelled_samples
from .tps import TPS, moved_labels
from .updates import SegmentorPass


@MODELS.register_module()
class QuadMix(TPS):
    """TPS on pairs that are mixed within and across the domains (Zhang et al., TPAMI 2025).

    From the source sample before in the batch come two of its classes and ``pasted_classes``, and over them the rare
    class patches of the data set (``rare_patches``), which stand still. They are laid over a source pair, and over a
    target pair with its pseudo-labels; under them, the target pair gets two classes of the target sample before, of
    pixels whose probability exceeds ``threshold``. Images, flow and labels are cut alike::

        loss = loss_seg + lambda_seg_aux loss_seg_aux + loss_mix_source
             + lambda_tps (loss_tps + lambda_seg_aux loss_tps_aux + loss_mix_target) + lambda_mmd loss_mmd

    ``loss_mix_*`` are those of the main head. ``loss_mmd`` is the discrepancy of the mean logits of each class in the
    mixed target pairs from those in the mixed source pairs, which are constants there. The teacher is M': with
    ``ProxyCopyHook(interval=8000)``, the network that the run starts from, a trained TPS, for 8,000 iterations.

    The sample before is one of the same batch, so that an iteration is a function of what it reads and draws. What is
    left out of the released code, and its errors: docs/methods.md.

    Args:
        segmentor: Config of a ``TwoFrameEncoderDecoder``.
        flow_estimator: Config of a ``FlowEstimator``.
        augmentation: As in ``TPS``.
        pasted_classes: Source classes that are pasted wherever they are.
        number: How many further classes are pasted, of each domain.
        threshold: Probability above which a pixel of the target is sure enough to be pasted.
        lambda_mmd: Weight of ``loss_mmd``.
        **kwargs: Those of ``TPS``; ``lambda_tps`` also weighs ``loss_mix_target``.

    Raises:
        ConfigError: If one of ``pasted_classes`` is none of the classes, or a batch has a single sample.
    """

    has_teacher = True
    starts_from = 'TPS'
    takes_patches = True

    def __init__(
        self,
        segmentor: dict,
        flow_estimator: dict,
        augmentation: dict,
        pasted_classes: Sequence[int] = (),
        number: int = 2,
        threshold: float = 0.9,
        lambda_mmd: float = 0.01,
        **kwargs: Any,
    ) -> None:
        super().__init__(segmentor, flow_estimator, augmentation, **kwargs)
        if wrong := [index for index in pasted_classes if index not in range(self.num_classes)]:
            raise ConfigError(f'model.pasted_classes: {wrong} are no indices of the {self.num_classes} classes')
        self.pasted_classes = tuple(pasted_classes)
        self.number = number
        self.threshold = threshold
        self.lambda_mmd = lambda_mmd
        self.loss_weights.update(loss_mix_target=self.lambda_tps, loss_mmd=lambda_mmd)

    def count_passes(self, batch: dict[str, Any]) -> int:
        """Say how many: of the source pair, the mixed source, the mixed target, and the student."""
        return 4

    def segmentor_passes(self, batch: dict[str, Any]) -> Iterator[SegmentorPass]:
        """Make the passes of the source pair, the mixed source pair, the mixed target pair, and the student."""
        source = LabelledPairs(self.source_input(batch['source']), batch['source']['labels'])
        if len(source.labels) < 2:
            raise ConfigError('train_dataloader.batch_size: QuadMix mixes samples of one batch; set it to 2 or more')
        learnt = self.supervised_source(batch['source'], source.images)
        yield SegmentorPass(learnt.losses, 'source', details=learnt.details)
        pieces = self.source_pieces(source, batch.get('patches'))
        losses, (theirs, seen) = self.learn_mixed('loss_mix_source', source.under(pieces))
        theirs = theirs.detach()  # so that one graph is in memory at a time
        yield SegmentorPass(losses, 'source')

        clip = self.four_frames(batch['target'])
        is_flipped, scale = self.draw()
        levels = self.moved_probs(clip, is_flipped)
        probs = self.upsampled(levels['main'], clip.frame_d)
        target = LabelledPairs(
            self.stacked(clip.frame_d, clip.frame_c, clip.flow_dc), moved_labels(probs, clip.flow_db)
        )
        template = self.target_pieces(target, probs)
        losses, (ours, shown) = self.learn_mixed('loss_mix_target', target.under(template).under(pieces))
        losses['loss_mmd'] = mean_discrepancy(ours, theirs, seen & shown)
        quality = dict(pseudo_label_quality=confident_share(probs, self.threshold))
        yield SegmentorPass(losses, 'target', details=quality)
        labels = {level: moved_labels(each, clip.flow_db) for level, each in levels.items()}
        yield self.student_pass(clip, scale, labels)  # the last, as both heads learn in it
        if self.batch_statistics == 'target':
            self.see_target(batch['target'])

    def teacher_logits(self, images: Tensor) -> dict[str, Tensor]:
        """Predict two frames with M': float32, at the size of the feature maps."""
        return {level: logits.float() for level, logits in by_level(self.proxy(images, mode='tensor')).items()}

    def learn_mixed(self, name: str, pairs: LabelledPairs) -> tuple[dict[str, Tensor], tuple[Tensor, Tensor]]:
        """Learn from mixed pairs with the main head; gives its loss, and ``class_means`` of its logits."""
        with frozen_statistics(self.segmentor, enabled=self.batch_statistics == 'target'):
            learnt = self.supervised(pairs.images, labelled_samples(pairs.labels), name)
        logits = learnt.coarse()['main']
        means = class_means(logits, resize_labels(pairs.labels, logits.shape[-2:]), self.num_classes)
        return {name: learnt.losses[name]}, means

    @torch.no_grad()
    def source_pieces(self, source: LabelledPairs, patches: dict[str, Any] | None) -> LabelledPairs:
        """Cut classes out of the source samples before, with the patches of the data set on top, if it has any."""
        before = source.before()
        pieces = before.cut(self._some_classes(before.labels, self.pasted_classes))
        if patches is None:
            return pieces
        image = patches['inputs']
        still = image.new_zeros(len(image), 2, *image.shape[-2:])
        return pieces.under(LabelledPairs(stack_frames(image, image, still), patches['labels']))

    @torch.no_grad()
    def target_pieces(self, target: LabelledPairs, probs: Tensor) -> LabelledPairs:
        """Cut classes out of the target samples before, where their (N, C, H, W) ``probs`` are sure enough."""
        before = target.cut(probs.amax(dim=1) > self.threshold).before()
        return before.cut(self._some_classes(before.labels))

    def _some_classes(self, labels: Tensor, always: Sequence[int] = ()) -> Tensor:
        # on the CPU, whose generator training seeds: the same classes whatever the device
        order = torch.rand(len(labels), LABEL_VALUES).to(labels.device, non_blocking=True)
        return class_number_mask(labels, order, self.number, always)
