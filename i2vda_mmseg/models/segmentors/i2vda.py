"""I2VDA, Algorithm 1 of the paper."""

from collections.abc import Iterator
from typing import Any

from mmseg.registry import MODELS

from .adversarial import AdversarialSegmentor
from .updates import SegmentorPass

_TEMPORAL = (
    'flow_estimator', 'pseudo_label_head', 'temporal_augmentation', 'flow_1t', 'lambda_tc', 'ignore_outside'
)  # fmt: skip


@MODELS.register_module()
class I2VDA(AdversarialSegmentor):
    """Image-to-video domain adaptive segmentation (Wu et al., ECCV 2022).

    Adversarial training on I_0 and a synthesised frame I_t closes the spatial gap (Eq. 11 and 12). The prediction of
    I_t, warped to time 1, must agree with the pseudo-labels that the proxy network M' gives for I_1 (Eq. 4-9):
    ``TemporalAugmentedConsistency``, which this class joins to the adversarial training. M' is copied from M by
    ``ProxyCopyHook``, which also switches ``launched``; ``ProxyEMAHook`` with ``LaunchHook`` in its place makes it a
    moving average. At test time: one frame, no flow.

    Args:
        segmentor: Config of an ``EncoderDecoder``, M; M' is its copy.
        discriminator: Config of D.
        flow_estimator: These six are the arguments of ``TemporalAugmentedConsistency``, ``temporal`` of other methods.
        pseudo_label_head: See there.
        temporal_augmentation: See there.
        flow_1t: See there.
        lambda_tc: See there.
        ignore_outside: See there.
        **kwargs: Those of ``AdversarialSegmentor``.

    Raises:
        ValueError: As ``TemporalAugmentedConsistency``.
    """

    sees_pairs = True

    def __init__(
        self,
        segmentor: dict,
        discriminator: dict,
        flow_estimator: dict,
        pseudo_label_head: dict | None,
        temporal_augmentation: dict | None,
        flow_1t: str = 'estimate',
        lambda_tc: float = 1.0,
        ignore_outside: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            segmentor,
            discriminator,
            temporal=dict(
                type='TemporalAugmentedConsistency',
                flow_estimator=flow_estimator,
                pseudo_label_head=pseudo_label_head,
                temporal_augmentation=temporal_augmentation,
                flow_1t=flow_1t,
                lambda_tc=lambda_tc,
                ignore_outside=ignore_outside,
            ),
            **kwargs,
        )

    def __setattr__(self, name: str, value: Any) -> None:
        """Set an attribute; the six arguments of ``temporal`` are attributes of both."""
        if name in _TEMPORAL:
            setattr(self.temporal, name, value)
        else:
            super().__setattr__(name, value)

    def __getattr__(self, name: str) -> Any:
        """Give an attribute that is no module or parameter of this class itself."""
        return getattr(self.temporal, name) if name in _TEMPORAL else super().__getattr__(name)

    def count_passes(self, batch: dict[str, Any]) -> int:
        """Say how many: those of I^s, I_0 and I_t."""
        return 3

    def segmentor_passes(self, batch: dict[str, Any]) -> Iterator[SegmentorPass]:
        """Make the passes of I^s, I_0 and I_t: lines 3, 4 and 8-14 of Algorithm 1."""
        clip = self.target_clip(batch['target'])
        yield self.source_pass(batch['source'])  # Eq. 10

        levels_0 = self.level_logits(self.data_preprocessor.normalize(clip.frame_0))
        predictions_0 = self.judged_levels(levels_0)
        yield SegmentorPass(self.losses_adv(predictions_0), 'target', predictions_0)  # Eq. 11, first term

        # before M sees I_t, whose activations are kept: the flow network and M' need room for theirs
        learnt_from = self.consistency_target(clip) if self.launched and self.learns_from_video else None
        levels_t = self.level_logits(self.data_preprocessor.normalize(clip.frame_t))
        predictions_t = self.judged_levels(levels_t)
        losses = self.losses_adv(predictions_t)  # Eq. 11, second term
        if learnt_from is not None:
            losses.update(self.temporal_losses(levels_t['main'], learnt_from))  # Eq. 9
        yield SegmentorPass(losses, 'target', predictions_t)

    @property
    def has_temporal_pass(self) -> bool:
        """False: D judges the prediction of I_t as well, in a pass of the method."""
        return False
