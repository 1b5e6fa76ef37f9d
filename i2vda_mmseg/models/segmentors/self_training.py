"""Learning from the labels that a teacher, the moving average of the network, gives to the target."""

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, NamedTuple

import torch
from mmseg.registry import MODELS, TRANSFORMS
from torch import Tensor

from i2vda_mmseg.errors import ConfigError
from i2vda_mmseg.models.statistics import batch_statistics_of, frozen_statistics
from i2vda_mmseg.models.wrappers import unwrapped
from i2vda_mmseg.ops import confident_share, most_likely, within_margins

from .frame_fusion import is_pair, split_frames, stack_frames
from .frame_keys import carried, flows_of_last_frames, last_frames, let_carry
from .frame_pairs import FramePairMixin
from .pixel_weights import unweighing_part
from .supervision import Supervision, labelled_samples
from .updates import SegmentorPass
from .video_adversarial import VideoAdversarialSegmentor

_SIDES = ('top', 'bottom', 'left', 'right')


class PseudoLabels(NamedTuple):
    """What the teacher says of a target batch.

    Attributes:
        labels: (N, H, W), int64, its most probable class; none is ignored.
        weights: (N, H, W), how much each pixel counts: ``quality``, and 0 in the margins.
        quality: Share of the pixels of the batch of which it is sure, a scalar.
        kept: Share of the pixels that a refinement keeps, where there is one.
    """

    labels: Tensor
    weights: Tensor
    quality: Tensor
    kept: Tensor | None = None


class SelfTrainingSegmentor(FramePairMixin, VideoAdversarialSegmentor):
    """A segmentor that learns the source's labels, and its teacher's labels of the target: DACS and its successors.

    The teacher is the ``proxy``, renewed by ``ProxyEMAHook``: an average of the parameters, no buffers. It normalises
    with the statistics of its batch where the student does, and its dropout and stochastic depth are silent. At test
    time the student predicts.

    Losses are those of the segmentor's config. The released codes average over *all* pixels, the ignored ones counted,
    which is mmseg's ``loss_decode.avg_non_ignore=False``; the adversarial methods average over valid pixels (True).

    With ``batch_statistics='target'`` the running statistics are those of target images as they are, in a pass without
    gradient: those of mixed, augmented and masked images would not fit any frame at test time.

    Of a network that fuses two frames (``AccelEncoderDecoder``) the student sees pairs: those of source and target are
    mixed by one mask, of the current source frame, in both frames and their flow, and augmented and hidden alike. The
    teacher labels each frame by itself.

    Args:
        segmentor: Config of an ``EncoderDecoder`` whose heads can weigh pixels.
        threshold: Probability from which on the teacher is sure of a pixel.
        margins: Rows and columns of the target images, as the network sees them, whose labels do not count:
            ``dict(top=15, bottom=120)`` pixels. Where crops lie anywhere, ``MarkMargins`` in the target pipeline says
            so instead.
        augmentation: Config of the transform of the images that the student sees; None: ``DACSAugmentation()``.
        refinement: Config of a ``PseudoLabelRefinement``: what is not kept, counts for nothing.
        flow_estimator: Config of a ``FlowEstimator`` for a network that fuses two frames; a refinement may share it.
        **kwargs: Those of ``VideoAdversarialSegmentor``, whose ``discriminator`` judges two frames.

    Raises:
        ConfigError: If a margin has an unknown side or is no number of pixels, or the loss of a head cannot weigh
            pixels; in training, if the margins leave nothing of the target images.
    """

    has_teacher: ClassVar[bool] = True
    pair_settings: ClassVar[tuple[str, ...]] = ('discriminator',)

    def __init__(
        self,
        segmentor: dict,
        threshold: float = 0.968,
        margins: Mapping[str, int] | None = None,
        augmentation: dict | None = None,
        refinement: dict | None = None,
        flow_estimator: dict | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(segmentor, **kwargs)
        self.threshold = threshold
        self.margins = dict(margins or {})
        if strangers := sorted(set(self.margins) - set(_SIDES)):
            raise ConfigError(f'model.margins: {strangers} are no sides; give pixels for some of {list(_SIDES)}')
        for side, pixels in self.margins.items():
            if not isinstance(pixels, int) or pixels < 0:
                raise ConfigError(f'model.margins.{side}: must be a whole number of pixels, at least 0, got {pixels!r}')
        self._check_heads()
        self.augmentation = TRANSFORMS.build(augmentation or dict(type='DACSAugmentation'))
        self.use_flow(flow_estimator)
        self.refinement = None if refinement is None else MODELS.build(refinement)
        if self.refinement is not None:
            self.refinement.use_flow_of(self)

    def init_weights(self) -> None:
        """Initialise the weights, unless the flow estimator of the refinement lacks a package or a file."""
        if self.refinement is not None:
            self.refinement.flow_estimator.check_available()
        super().init_weights()

    def _check_heads(self) -> None:
        if part := unweighing_part(self.segmentor):
            raise ConfigError(
                f'model.segmentor.{part} cannot weigh each pixel of the pseudo-labels in its loss, as '
                f'{type(self).__name__} does; take a head that learns from logits and labels, such as SegformerHead, '
                'UPerHead or DAFormerHead'
            )

    def count_passes(self, batch: dict[str, Any]) -> int:
        """Say how many: that of the source, one of ``target_supervisions``, and that which D judges."""
        return 2 + self.has_discriminator

    def segmentor_passes(self, batch: dict[str, Any]) -> Iterator[SegmentorPass]:
        """Make the pass of the source, then those of the target with the teacher's labels."""
        batch = self.with_pairs(batch) if self.fuses_frames else batch
        source, target = batch['source'], batch['target']
        supervision = self.supervised_source(source)
        losses = supervision.losses | self.source_losses(source, supervision)
        yield SegmentorPass(losses, 'source', self.source_predictions(source), supervision.details)
        pseudo = self.pseudo_labels(target)
        details = dict(pseudo_label_quality=pseudo.quality)
        if pseudo.kept is not None:
            details['pseudo_label_kept'] = pseudo.kept
        for learnt in self.target_supervisions(batch, pseudo):
            yield SegmentorPass(learnt.losses, 'target', details=learnt.details | details)
        yield from self.adversarial_passes(target)
        if self.batch_statistics == 'target':
            self.see_target(target)

    def with_pairs(self, batch: dict[str, Any]) -> dict[str, Any]:
        """Let the ``inputs`` of both domains be pairs of frames with their flow, (N, 8, H, W)."""
        source, target = batch['source'], batch['target']
        if self.refinement is not None:  # it needs both directions: once for both
            flow_01, flow_10 = flows_of_last_frames(self.refinement.flow_estimator, target)
            last = target['frames'].shape[1] - 1
            let_carry(target['data_samples'], {f'flow_{last - 1}{last}': flow_01, f'flow_{last}{last - 1}': flow_10})
        pair = self.two_frame_input(target['frames'], target['data_samples'])
        return dict(source=dict(source, inputs=self.source_input(source)), target=dict(target, inputs=pair))

    def student_images(self, target: dict[str, Any]) -> Tensor:
        """Give what the student sees of a target batch: (N, 3, H, W), or pairs (N, 8, H, W)."""
        return target['inputs'] if 'inputs' in target else self.target_images(target)

    def source_losses(self, source: dict[str, Any], supervision: Supervision) -> dict[str, Tensor]:
        """Give what is learnt from the source beside its labels, in the same pass."""
        return {}

    def target_supervisions(self, batch: dict[str, Any], pseudo: PseudoLabels) -> Iterator[Supervision]:
        """Make the method's passes of the target, one after the other."""
        raise NotImplementedError

    @torch.no_grad()
    def pseudo_labels(self, target: dict[str, Any]) -> PseudoLabels:
        """Label the target batch with the teacher."""
        probs = self.teacher_probs(self.target_images(target))
        quality = confident_share(probs, self.threshold)
        weights = self._without_margins(quality.expand(probs[:, 0].shape))
        if valid := carried(target['data_samples'], 'valid_map'):
            weights = weights * (valid[0][:, 0] == 1)  # steps that move label maps fill them with 255
        if self.refinement is None:
            return PseudoLabels(most_likely(probs), weights, quality)
        previous = self.teacher_probs(self.data_preprocessor.normalize(last_frames(target['frames'])[0]))
        labels, kept = self.refinement(probs, previous, target)
        return PseudoLabels(labels, weights * kept, quality, kept.float().mean())

    @torch.no_grad()
    def teacher_probs(self, images: Tensor) -> Tensor:
        """Give the teacher's probabilities (N, C, H, W) of network input (N, 3, H, W)."""
        return self.proxy_logits(images).softmax(dim=1)

    def _without_margins(self, weights: Tensor) -> Tensor:
        if not self.margins:
            return weights
        try:
            rows, columns = within_margins(weights.shape[1:], **self.margins)
        except ValueError as error:
            raise ConfigError(f'model.margins: {error}') from error
        cleared = torch.zeros_like(weights)
        cleared[:, rows, columns] = weights[:, rows, columns]
        return cleared

    @torch.no_grad()
    def proxy_logits(self, images: Tensor) -> Tensor:
        """Predict with the teacher, which normalises as the student does in training."""
        with batch_statistics_of(unwrapped(self.segmentor), self.proxy):
            return super().proxy_logits(images)

    def supervised_target(self, images: Tensor, labels: Tensor, weights: Tensor, name: str) -> Supervision:
        """Learn weighted labels of images that are changed, which move no statistics where the target's count."""
        with frozen_statistics(self.segmentor, enabled=self.batch_statistics == 'target'):
            return self.supervised(images, labelled_samples(labels, weights), name)

    @torch.no_grad()
    def augmented(self, images: Tensor) -> Tensor:
        """Change the colours of, and blur, network input (N, 3, H, W), or both frames of pairs (N, 8, H, W) alike."""
        return self.changed(self.augmentation, images)

    def changed(self, transform: Any, images: Tensor) -> Tensor:
        """Apply a transform of frames to network input, with the same draws to both frames of a pair."""
        if not is_pair(images):
            return self.changed_frames(transform, images)
        current, previous, flow = split_frames(images)
        before = torch.get_rng_state()
        current = self.changed_frames(transform, current)
        torch.set_rng_state(before)
        return stack_frames(current, self.changed_frames(transform, previous), flow)

    def changed_frames(self, transform: Any, images: Tensor) -> Tensor:
        """Apply a transform of frames to network input (N, 3, H, W)."""
        frames = transform(dict(frames=self.data_preprocessor.denormalize(images)))['frames']
        return self.data_preprocessor.normalize(frames)
