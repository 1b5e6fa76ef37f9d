"""CMOM, cross-domain moving object mixing."""

from collections.abc import Iterator
from typing import Any

import torch
from mmengine.dist import all_reduce
from mmseg.registry import MODELS
from torch import Tensor

from i2vda_mmseg.models.statistics import frozen_statistics
from i2vda_mmseg.ops import (
    IGNORE_INDEX,
    LABEL_VALUES,
    adaptive_thresholds,
    class_share_mask,
)

from .labelled_pairs import LabelledPairs
from .levels import by_level
from .supervision import labelled_samples
from .two_frame import TwoFrameSegmentor
from .updates import SegmentorPass

_START = 0.9  # of the threshold of each class


@MODELS.register_module()
class CMOM(TwoFrameSegmentor):
    """Classes of a source clip pasted into a target clip, in both frames alike (Cho et al., WACV 2023).

    On the network of DA-VSN, from whose weights it starts. Of the classes of a source image ``share`` are laid over
    the target frames: images, labels and flow of the current frame, and the previous frame at the same places. The
    network learns the labels of the mixed pair from fused predictions::

        loss = loss_seg + lambda_seg_aux loss_seg_aux + lambda_mix (loss_mix + lambda_seg_aux loss_mix_aux)

    The target's labels are those of the proxy M', kept where the confidence exceeds the threshold of the class,
    ``thresholds``, which follows M' (``ops.adaptive_thresholds``), and, with a ``refinement``, where the previous frame
    tells the same. With ``ProxyCopyHook(interval=max_iters)``, M' stays the network that the run starts from, as in the
    released code; ``ProxyEMAHook`` makes it a teacher. The alignment of features is left out, see docs/methods.md.

    Args:
        segmentor: Config of a ``TwoFrameEncoderDecoder``.
        flow_estimator: Config of a ``FlowEstimator``.
        share: Share of the classes of a source image that are pasted.
        lambda_mix: Weight of ``loss_mix``.
        refinement: Config of a ``PseudoLabelRefinement``, or None.
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
        yield SegmentorPass(learnt.losses, 'source', details=learnt.details)

        frames = self.two_frame_input(target['frames'], target['data_samples'])
        pseudo = self.pseudo_labels(frames, target)
        pair, labels = self.mix(images, source['labels'], frames, pseudo)
        with frozen_statistics(self.segmentor, enabled=self.batch_statistics == 'target'):
            learnt = self.supervised(pair, labelled_samples(labels), 'loss_mix')
        kept = (pseudo != IGNORE_INDEX).float().mean()
        yield SegmentorPass(learnt.losses, 'target', details=learnt.details | dict(pseudo_label_ratio=kept))
        if self.batch_statistics == 'target':
            self.see_target(target)

    @torch.no_grad()
    def mix(self, source: Tensor, labels: Tensor, target: Tensor, pseudo: Tensor) -> LabelledPairs:
        """Lay classes of the source pair over the target pair, one mask for both frames, the flow and the labels.

        Args:
            source: (N, 8, H', W'), network input of two frames and their flow.
            labels: (N, H', W'), int64, of its current frame.
            target: (N, 8, H, W).
            pseudo: (N, H, W), int64.

        Returns:
            The mixed input (N, 8, H, W) and its labels (N, H, W), at the target's size.
        """
        # on the CPU, whose generator training seeds: the same classes whatever the device
        order = torch.rand(len(labels), LABEL_VALUES).to(labels.device, non_blocking=True)
        pieces = LabelledPairs(source, labels).cut(class_share_mask(labels, order, self.share))
        return LabelledPairs(target, pseudo).under(pieces)

    @torch.no_grad()
    def pseudo_labels(self, frames: Tensor, target: dict[str, Any]) -> Tensor:
        """Label the current target frame with M': (N, H, W), int64, 255 where it is not sure enough.

        Args:
            frames: (N, 8, H, W), network input of the target pair.
            target: The target batch, for the refinement.
        """
        output = self.proxy(frames, mode='tensor')
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
