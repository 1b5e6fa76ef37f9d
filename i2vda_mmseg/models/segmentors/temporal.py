"""What is video about I2VDA, for any method of single frames: Eq. 1-9 of the paper."""

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from mmseg.registry import MODELS, TRANSFORMS
from torch import Tensor, nn

from i2vda_mmseg.errors import check_choice
from i2vda_mmseg.flow import CachedFlow, build_flow_estimator
from i2vda_mmseg.ops import IGNORE_INDEX, inside, warp

from .frame_keys import carried, flows_of_last_frames, last_frames

FLOW_1T_MODES = ('estimate', 'compose')


class TargetClip(NamedTuple):
    """The last two target frames of one iteration, I_t, and the flows between them.

    Frames are (N, 3, H, W), RGB 0..255; flows (N, 2, H, W), pixels, ``flow_ab`` on frame a's grid; t is in [0, 1], one
    for the batch or (N, 1, 1, 1); F_1t is there where the samples carry it.
    """

    frame_0: Tensor
    frame_1: Tensor
    frame_t: Tensor
    flow_01: Tensor
    flow_10: Tensor
    t: float | Tensor
    flow_1t: Tensor | None = None


@MODELS.register_module()
class TemporalAugmentedConsistency(nn.Module):
    """The temporal knowledge of the target video (Wu et al., ECCV 2022, Sec. 3.3 and 3.4).

    A frame I_t is synthesised between I_0 and I_1 (Eq. 2 and 3). M's prediction of it, warped to time 1 (Eq. 4), must
    agree with the pseudo-labels of I_1 (Eq. 6-8): L_tc of Eq. 9. ``I2VDA`` is made of it, and any other method of
    single frames takes it as ``model.temporal``; the pseudo-labels are then those of the method's proxy M', which for
    a self-training method is its teacher.

    Args:
        flow_estimator: Config of a ``FlowEstimator``, F of Eq. 1 and 5. Where its package or its weights are not
            there, the model can be tested all the same, and ``init_weights`` and training raise the reason.
        pseudo_label_head: Config of the head of Eq. 6-8, or None for no temporal-augmented consistency (Table 3).
        temporal_augmentation: Config of ``TemporalAugmentation``, or None for none (Table 3): I_t is I_0 and F_1t is
            F_10.
        flow_1t: 'estimate': F_1t = F(I_1, I_t), Eq. 5. 'compose': (1 - t) F_10, without a third flow pass.
        lambda_tc: Weight of ``loss_tc`` in M's total; 1 in the paper.
        ignore_outside: Whether L_tc leaves out the pixels of I_1 whose counterpart lies outside I_t. Eq. 8 and 9 do not
            say so; False: such pixels are compared with the border of P_t.

    Raises:
        ValueError: If ``flow_1t`` is unknown, or 'estimate' with a ``CachedFlow`` that has no ``online`` estimator.
    """

    flow_estimator: Any
    pseudo_label_head: Any

    def __init__(
        self,
        flow_estimator: dict,
        pseudo_label_head: dict | None,
        temporal_augmentation: dict | None,
        flow_1t: str = 'estimate',
        lambda_tc: float = 1.0,
        ignore_outside: bool = True,
    ) -> None:
        super().__init__()
        check_choice('flow_1t', flow_1t, FLOW_1T_MODES)
        self.flow_estimator = build_flow_estimator(flow_estimator)
        self.pseudo_label_head = None if pseudo_label_head is None else MODELS.build(pseudo_label_head)
        self.temporal_augmentation = None if temporal_augmentation is None else TRANSFORMS.build(temporal_augmentation)
        self.flow_1t = flow_1t
        self.lambda_tc = lambda_tc
        self.ignore_outside = ignore_outside
        self._check_flow_to_t()

    def _check_flow_to_t(self) -> None:
        """Refuse at once what would fail when L_tc sets in: a cache has no flow to a synthetic frame."""
        needed = self.pseudo_label_head is not None and self.temporal_augmentation is not None
        cached_only = isinstance(self.flow_estimator, CachedFlow) and self.flow_estimator.online is None
        if needed and cached_only and self.flow_1t == 'estimate':
            raise ValueError(
                "flow_1t='estimate' needs F(I_1, I_t) (Eq. 5) in every iteration, which no cache has: give CachedFlow "
                "an online= estimator (the one that made the cache), or set flow_1t='compose'"
            )

    @torch.no_grad()
    def target_clip(self, target: dict[str, Any], seed: int | None = None) -> TargetClip:
        """Take I_0, I_1, the flows between them and I_t: Eq. 1, 2 and 3.

        What the samples carry (``EstimateFlow``, ``TemporalAugmentation`` in the target pipeline) is taken as it is;
        the rest is made here, with one t for the batch.

        Args:
            target: ``dict(frames=(N, T, 3, H, W), data_samples)``, RGB 0..255, in order of time.
            seed: Of the draw of t; None draws from the global generator.

        Raises:
            ValueError: If the pipeline makes I_t otherwise than ``temporal_augmentation`` says.
        """
        frame_0, frame_1 = last_frames(target['frames'])
        flow_01, flow_10 = flows_of_last_frames(self.flow_estimator, target)
        if given := carried(target['data_samples'], 'frame_t'):
            self._check_pipeline(target)
            t = given[0].new_tensor([sample.metainfo['t'] for sample in target['data_samples']]).view(-1, 1, 1, 1)
            flow_1t = carried(target['data_samples'], 'flow_1t') or ()
            return TargetClip(frame_0, frame_1, given[0], flow_01, flow_10, t, *flow_1t)
        if self.temporal_augmentation is None:
            return TargetClip(frame_0, frame_1, frame_0, flow_01, flow_10, t=0.0)
        augmented = self.temporal_augmentation(
            dict(frame_0=frame_0, frame_1=frame_1, flow_01=flow_01, flow_10=flow_10, t_seed=seed)
        )
        return TargetClip(frame_0, frame_1, augmented['frame_t'], flow_01, flow_10, augmented['t'])

    def _check_pipeline(self, target: dict[str, Any]) -> None:
        """Refuse an I_t that is of other frames, or made otherwise, than this model asks for."""
        if target['frames'].shape[1] != 2:
            raise ValueError('the target pipeline makes I_t of frame_0 and frame_1, so a sample must have two frames')
        for made in {sample.metainfo['temporal_augmentation'] for sample in target['data_samples']}:
            if made != repr(self.temporal_augmentation):
                raise ValueError(
                    f'the target pipeline makes I_t with {made}, but model.temporal_augmentation is '
                    f'{self.temporal_augmentation}: give both the same settings, or take it out of the pipeline'
                )

    @torch.no_grad()
    def flow_to_t(self, clip: TargetClip) -> Tensor:
        """Give F_1t, on I_1's grid: Eq. 5, or what replaces it."""
        if self.temporal_augmentation is None:
            return clip.flow_10
        if self.flow_1t == 'compose':
            return (1 - clip.t) * clip.flow_10
        return self.flow_estimator(clip.frame_1, clip.frame_t) if clip.flow_1t is None else clip.flow_1t

    @staticmethod
    def losses(
        logits_t: Tensor, flow_1t: Tensor, pseudo_label: Tensor, loss_seg: Callable[[Tensor, Tensor], Tensor]
    ) -> dict[str, Tensor]:
        """Compare P_t, warped to time 1, with the pseudo-labels of I_1: Eq. 4 and 9.

        Args:
            logits_t: (N, C, H, W), M's of I_t.
            flow_1t: (N, 2, H, W), on I_1's grid, pixels.
            pseudo_label: (N, H, W), int64, 255 where ignored.
            loss_seg: The cross entropy of Eq. 9, of logits and labels.

        Returns:
            ``loss_tc``, and the share of pixels that it uses as ``pseudo_label_ratio``.
        """
        warped = warp(logits_t, flow_1t)  # P_1^W, Eq. 4
        return dict(
            loss_tc=loss_seg(warped, pseudo_label),
            pseudo_label_ratio=(pseudo_label != IGNORE_INDEX).float().mean(),
        )


class TemporalMixin(nn.Module):
    """Let a method take a ``TemporalAugmentedConsistency`` as ``temporal``.

    Attributes:
        temporal: What is video about the method, or None.
        launched: False before ITER_LAUNCH, where there is no L_tc; set by ``ProxyCopyHook`` or ``LaunchHook``.
    """

    temporal: Any
    launched: bool = True
    iteration_seed: int | None
    loss_weights: dict[str, float]
    data_preprocessor: Any
    logits: Callable[[Tensor], Tensor]
    loss_seg: Callable[[Tensor, Tensor], Tensor]
    proxy_logits: Callable[[Tensor], Tensor]

    def use_temporal(self, temporal: dict | None) -> None:
        """Build the component of its config."""
        self.temporal = None if temporal is None else MODELS.build(temporal)
        if self.temporal is not None:
            self.loss_weights['loss_tc'] = self.temporal.lambda_tc

    @property
    def learns_from_video(self) -> bool:
        """Whether there is an L_tc, sooner or later."""
        return self.temporal is not None and self.temporal.pseudo_label_head is not None

    def init_weights(self) -> None:
        """Initialise the weights, unless the flow estimator lacks a package or a file."""
        if self.temporal is not None:
            self.temporal.flow_estimator.check_available()
        super().init_weights()  # type: ignore[misc]

    def target_clip(self, target: dict[str, Any]) -> TargetClip:
        """Take I_0, I_1, the flows between them and I_t of a target batch, with this iteration's t."""
        return self.temporal.target_clip(target, self.iteration_seed)

    @torch.no_grad()
    def pseudo_label(self, clip: TargetClip) -> Tensor:
        """Label I_1 with M', Eq. 8: (N, H, W), int64, 255 where ignored."""
        logits_1 = self.proxy_logits(self.data_preprocessor.normalize(clip.frame_1))
        return self.temporal.pseudo_label_head(logits_1, clip.flow_01, clip.flow_10)

    @torch.no_grad()
    def consistency_target(self, clip: TargetClip) -> tuple[Tensor, Tensor]:
        """Give what P_t is compared through and with: F_1t (N, 2, H, W), and the labels of I_1 (N, H, W), Eq. 8."""
        flow_1t = self.temporal.flow_to_t(clip)
        pseudo_label = self.pseudo_label(clip)
        if self.temporal.ignore_outside:
            pseudo_label = pseudo_label.masked_fill(~inside(flow_1t), IGNORE_INDEX)
        return flow_1t, pseudo_label

    def temporal_losses(self, logits_t: Tensor, learnt_from: tuple[Tensor, Tensor]) -> dict[str, Tensor]:
        """Eq. 9, of M's logits of I_t and what ``consistency_target`` gave."""
        return self.temporal.losses(logits_t, *learnt_from, self.loss_seg)

    @property
    def has_temporal_pass(self) -> bool:
        """Whether M now sees I_t in a pass of its own, after those of the method."""
        return self.learns_from_video and self.launched

    def temporal_terms(self, batch: dict[str, Any]) -> dict[str, Tensor]:
        """Make the pass of I_t; M' and flow go first, for their memory."""
        clip = self.target_clip(batch['target'])
        learnt_from = self.consistency_target(clip)
        return self.temporal_losses(self.logits(self.data_preprocessor.normalize(clip.frame_t)), learnt_from)
