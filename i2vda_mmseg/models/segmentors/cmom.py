"""CMOM, cross-domain moving object mixing."""

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from mmengine.dist import all_reduce
from mmseg.registry import MODELS
from torch import Tensor

from i2vda_mmseg.models.statistics import frozen_statistics
from i2vda_mmseg.models.wrappers import unwrapped
from i2vda_mmseg.ops import (
    IGNORE_INDEX,
    LABEL_VALUES,
    adaptive_thresholds,
    class_share_mask,
    resize_flow,
    resize_labels,
)

from .labelled_pairs import LabelledPairs
from .levels import by_level
from .prototype_alignment import PrototypeAlignment
from .supervision import Supervision, labelled_samples
from .two_frame import TwoFrameSegmentor
from .two_frame_encoder_decoder import TwoFrameLogits
from .updates import SegmentorPass

_START = 0.9  # of the threshold of each class


@MODELS.register_module()
class CMOM(TwoFrameSegmentor):
    """Classes of a source clip pasted into a target clip, in both frames alike (Cho et al., WACV 2023).

    On the network of DA-VSN, from whose weights it starts. Of the classes of a source image ``share`` are laid over
    the target frames: images, labels and flow of the current frame, and the previous frame at the same places. The
    network learns the labels of the mixed pair from fused predictions::

        loss = loss_seg + lambda_seg_aux loss_seg_aux + lambda_mix (loss_mix + lambda_seg_aux loss_mix_aux)
             + lambda_align (loss_stuff + loss_things)

    The target's labels are those of the proxy M', kept where the confidence exceeds the threshold of the class,
    ``thresholds``, which follows M' (``ops.adaptive_thresholds``), and, with a ``refinement``, where the previous frame
    tells the same. With ``ProxyCopyHook(interval=max_iters)``, M' stays the network that the run starts from, as in the
    released code; ``ProxyEMAHook`` makes it a teacher.

    ``loss_stuff`` and ``loss_things`` bring the features of classes in the target near prototypes from source images
    (``PrototypeAlignment``): of source pixels that are predicted correctly, and of the target's pixels in the mixed
    pair whose label M' also gives to the frame before, moved along the flow.

    Args:
        segmentor: Config of a ``TwoFrameEncoderDecoder``.
        flow_estimator: Config of a ``FlowEstimator``.
        share: Share of the classes of a source image that are pasted.
        lambda_mix: Weight of ``loss_mix``.
        refinement: Config of a ``PseudoLabelRefinement``, or None.
        stuff_classes: Classes of ``loss_stuff``; the others are those of ``loss_things``. None: no alignment.
        num_prototypes: Prototypes a class.
        lambda_align: Weight of both.
        **kwargs: Those of ``TwoFrameSegmentor``.
    """

    has_teacher = True
    starts_from = 'DA-VSN'
    thresholds: Tensor

    def __init__(
        self,
        segmentor: dict,
        flow_estimator: dict,
        share: float = 0.75,
        lambda_mix: float = 1.0,
        refinement: dict | None = None,
        stuff_classes: Sequence[int] | None = None,
        num_prototypes: int = 50,
        lambda_align: float = 0.01,
        **kwargs: Any,
    ) -> None:
        super().__init__(segmentor, flow_estimator, **kwargs)
        self.share = share
        self.lambda_mix = lambda_mix
        self.refinement = None if refinement is None else MODELS.build(refinement)
        if self.refinement is not None:
            self.refinement.use_flow_of(self)
        self.loss_weights.update(loss_mix=lambda_mix, loss_mix_aux=lambda_mix * self.lambda_seg_aux)
        self.register_buffer('thresholds', torch.full((self.num_classes,), _START))
        self.stuff_classes = stuff_classes
        self.num_prototypes = num_prototypes
        self.lambda_align = lambda_align
        if stuff_classes is not None:
            head: Any = self.segmentor.decode_head
            seen = head.in_channels, head.in_index
            channels, self._aligned = (x[-1] if isinstance(x, Sequence) else x for x in seen)
            self.alignment = PrototypeAlignment(self.num_classes, channels, stuff_classes, num_prototypes)
            self.loss_weights.update(loss_stuff=lambda_align, loss_things=lambda_align)

    def init_weights(self) -> None:
        """Initialise the weights, unless a flow estimator lacks a package or a file."""
        if self.refinement is not None:
            self.refinement.flow_estimator.check_available()
        super().init_weights()

    def count_passes(self, batch: dict[str, Any]) -> int:
        """Say how many: of the source pair, and of the mixed pair."""
        return 2

    def segmentor_passes(self, batch: dict[str, Any]) -> Iterator[SegmentorPass]:
        """Make the passes of the source pair and of the mixed pair."""
        source, target = batch['source'], batch['target']
        images = self.source_input(source)
        learnt = self.supervised_source(source, images)
        if self.stuff_classes is not None:
            self.remember(learnt, source['labels'])
        yield SegmentorPass(learnt.losses, 'source', details=learnt.details)

        frames = self.two_frame_input(target['frames'], target['data_samples'])
        with torch.no_grad():
            output = self.proxy(frames, mode='tensor')
        pseudo = self.pseudo_labels(output, frames, target)
        pieces = self.pieces(images, source['labels'])
        pair = LabelledPairs(frames, pseudo).under(pieces)
        with frozen_statistics(self.segmentor, enabled=self.batch_statistics == 'target'):
            learnt = self.supervised(pair.images, labelled_samples(pair.labels), 'loss_mix')
        losses = learnt.losses
        if self.stuff_classes is not None:
            is_target = resize_labels(pieces.labels, frames.shape[-2:]) == IGNORE_INDEX
            known = self.confirmed(output, pseudo.masked_fill(~is_target, IGNORE_INDEX), frames[:, 6:])
            features = learnt.encoded[self._aligned]
            losses = losses | self.alignment(features, resize_labels(known, features.shape[-2:]))
        kept = (pseudo != IGNORE_INDEX).float().mean()
        yield SegmentorPass(losses, 'target', details=learnt.details | dict(pseudo_label_ratio=kept))
        if self.batch_statistics == 'target':
            self.see_target(target)

    @torch.no_grad()
    def pieces(self, source: Tensor, labels: Tensor) -> LabelledPairs:
        """Cut classes out of the source pair, by one mask for both frames, the flow and the labels.

        Args:
            source: (N, 8, H, W), network input of two frames and their flow.
            labels: (N, H, W), int64, of its current frame.
        """
        # on the CPU, whose generator training seeds: the same classes whatever the device
        order = torch.rand(len(labels), LABEL_VALUES).to(labels.device, non_blocking=True)
        return LabelledPairs(source, labels).cut(class_share_mask(labels, order, self.share))

    @torch.no_grad()
    def pseudo_labels(self, output: TwoFrameLogits, frames: Tensor, target: dict[str, Any]) -> Tensor:
        """Label the current target frame with M': (N, H, W), int64, 255 where it is not sure enough.

        Args:
            output: What M' predicts of the frames.
            frames: (N, 8, H, W), network input of the target pair.
            target: The target batch, for the refinement.
        """
        probs = self.upsampled(by_level(output)['main'], frames).softmax(dim=1)
        moved = adaptive_thresholds(probs, self.thresholds)
        all_reduce(moved, 'mean')  # the same on every rank
        self.thresholds.copy_(moved)
        confidence, labels = probs.max(dim=1)
        kept = confidence >= self.thresholds[labels]
        if self.refinement is not None:
            previous = self.upsampled(output.previous_main, frames).softmax(dim=1)
            labels, agreed = self.refinement(probs, previous, target)
            kept = kept & agreed
        return labels.masked_fill(~kept, IGNORE_INDEX)

    @torch.no_grad()
    def remember(self, learnt: Supervision, labels: Tensor) -> None:
        """Keep the features of source pixels that are predicted correctly, by class and image."""
        features = learnt.encoded[self._aligned]
        size = features.shape[-2:]
        labels, predicted = resize_labels(labels, size), resize_labels(learnt.coarse()['main'].argmax(dim=1), size)
        self.alignment.remember(features, labels.masked_fill(labels != predicted, IGNORE_INDEX))

    @torch.no_grad()
    def confirmed(self, output: TwoFrameLogits, labels: Tensor, flow: Tensor) -> Tensor:
        """Keep labels that M' gives to the frame before as well, moved along the flow.

        Args:
            output: What M' predicts of the frames.
            labels: (N, H, W), int64.
            flow: (N, 2, H, W), from the current frame to the previous one.

        Returns:
            (N, h, w), int64, at the size of the logits; 255 where not kept.
        """
        previous = output.previous_main.float().softmax(dim=1)
        size = previous.shape[-2:]
        moved = unwrapped(self.segmentor).propagation(previous, resize_flow(flow, size))
        labels = resize_labels(labels, size)
        agrees = (moved.argmax(dim=1) == labels) & (moved.amax(dim=1) > 0)  # 0 where nothing lands
        return labels.masked_fill(~agrees, IGNORE_INDEX)
