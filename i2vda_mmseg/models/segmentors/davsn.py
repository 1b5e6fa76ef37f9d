"""DA-VSN, domain adaptive video segmentation via temporal consistency regularization."""

from collections.abc import Iterator
from typing import Any

import torch
import torch.nn.functional as F
from mmseg.registry import MODELS
from torch import Tensor

from i2vda_mmseg.models.wrappers import unwrapped
from i2vda_mmseg.ops import normalized_entropy, propagate, resize_flow

from .adversarial import AdversarialSegmentor
from .frame_keys import last_frames
from .levels import LEVELS, by_level, term
from .two_frame import TwoFrameSegmentor
from .updates import SegmentorPass
from .video_adversarial import joint_probabilities

Levels = dict[str, Tensor]


@MODELS.register_module()
class DAVSN(TwoFrameSegmentor, AdversarialSegmentor):
    """Temporal consistency regularization across and within domains (Guan et al., ICCV 2021).

    The network fuses the predictions of a frame and of the one before (``TwoFrameEncoderDecoder``). It learns from the
    fused source predictions; all other terms see the predictions of single frames, for each of the two heads::

        loss = loss_seg + lambda_seg_aux loss_seg_aux
             + lambda_u (loss_adv_sta + lambda_sa loss_adv_sa)
             + lambda_u lambda_aux (loss_adv_sta_aux + lambda_sa loss_adv_sa_aux)
             + lambda_u (loss_itc + loss_itc_aux)

    * Cross-domain: the spatial-temporal discriminator (sta) judges the joint softmax over the 2C channels of current
      and previous prediction, the spatial one (sa) that of the current prediction beside itself. Their weights are
      kept apart by ``loss_wd = cos(theta_sta, theta_sa) + 1``, averaged over the tensors, with the weight
      ``lambda_u lambda_wd`` in their own loss.
    * Intra-domain: the probabilities of the previous target frame, moved along the flow to the current one, are what
      the current ones should be, wherever something lands and is more certain:
      ``loss_itc = mean(w |p - p_moved|)`` over classes and pixels at the size of the logits, w in {0, 1}.

    The previous frame passes without gradient. The released optimizer settings clip each discriminator's gradient by
    itself; ``clip_grad`` of the ``DiscriminatorSet``'s optimizer clips all four together.

    Args:
        segmentor: Config of a ``TwoFrameEncoderDecoder``.
        flow_estimator: Config of a ``FlowEstimator``.
        discriminator: Config of a ``DiscriminatorSet`` with the members ``sta``, ``sta_aux``, ``sa`` and ``sa_aux``, of
            twice as many channels as classes.
        lambda_u: Weight of all unsupervised terms.
        lambda_sa: Weight of the spatial discriminator within them.
        lambda_aux: Weight of the auxiliary head within the adversarial terms.
        lambda_wd: Weight of ``loss_wd`` within them.
        **kwargs: Those of ``AdversarialSegmentor``, but for its lambdas.
    """

    def __init__(
        self,
        segmentor: dict,
        flow_estimator: dict,
        discriminator: dict,
        lambda_u: float = 0.001,
        lambda_sa: float = 1.0,
        lambda_aux: float = 0.2,
        lambda_wd: float = 1.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(segmentor, flow_estimator, discriminator=discriminator, **kwargs)
        self.lambda_u, self.lambda_sa, self.lambda_aux, self.lambda_wd = lambda_u, lambda_sa, lambda_aux, lambda_wd
        self.loss_weights.update(
            loss_adv_sta=lambda_u,
            loss_adv_sa=lambda_u * lambda_sa,
            loss_adv_sta_aux=lambda_u * lambda_aux,
            loss_adv_sa_aux=lambda_u * lambda_sa * lambda_aux,
            loss_itc=lambda_u,
            loss_itc_aux=lambda_u,
            loss_wd=lambda_u * lambda_wd,
        )

    def judged_channels(self) -> dict[str, int]:
        """Give the number of channels that D judges: two for each class."""
        return {term(kind, level): 2 * self.num_classes for kind in ('sta', 'sa') for level in LEVELS}

    def count_passes(self, batch: dict[str, Any]) -> int:
        """Say how many: one of each domain that is learnt from."""
        return 2

    def segmentor_passes(self, batch: dict[str, Any]) -> Iterator[SegmentorPass]:
        """Make the passes of the source pair and of the target pair."""
        source = batch['source']
        images = self.source_input(source)
        learnt = self.supervised_source(source, images)
        with torch.no_grad():  # only D learns from these
            single, previous = learnt.output[2:4], learnt.output[4:6]
            predictions = self.joint_levels(by_level(single), by_level(previous), images.shape[-2:])
        yield SegmentorPass(learnt.losses, 'source', predictions, learnt.details)

        current, previous, flow = self.target_levels(batch['target'])
        predictions = self.joint_levels(current, previous, batch['target']['frames'].shape[-2:])
        losses = self.losses_adv(predictions)
        losses |= {
            term('loss_itc', level): intra_domain_consistency(logits, previous[level], flow)
            for level, logits in current.items()
        }
        yield SegmentorPass(losses, 'target', predictions)

    def target_levels(self, target: dict[str, Any]) -> tuple[Levels, Levels, Tensor]:
        """Predict I_1, then I_0 without gradient, each alone; with F_10 at the size of the frames.

        The order is that in which the running statistics see the frames in the released code.
        """
        before, now = last_frames(target['frames'])
        flow = self.flow_between(target['frames'], target['data_samples'], -1, -2)
        current = self.coarse_logits(self.data_preprocessor.normalize(now))
        with torch.no_grad():
            previous = self.coarse_logits(self.data_preprocessor.normalize(before))
        return current, previous, flow

    def joint_levels(self, current: Levels, previous: Levels, size: torch.Size) -> Levels:
        """Make what the discriminators judge of single-frame logits: (N, 2C, H, W) by member."""
        judged = {}
        for level in LEVELS:
            now, before = current[level], previous[level]
            judged[term('sta', level)] = joint_probabilities(now, before, size, self.align_corners)
            judged[term('sa', level)] = joint_probabilities(now, now, size, self.align_corners)
        return judged

    def losses_dis(self, source: list[Levels], target: list[Levels]) -> dict[str, Tensor]:
        """Halve both domains' terms, as AdaptSegNet, and keep the two kinds of discriminators apart."""
        losses = {name: loss / 2 for name, loss in super().losses_dis(source, target).items()}
        return losses | dict(loss_wd=self.loss_wd())

    def loss_wd(self) -> Tensor:
        """Mean over the tensors of ``cos(theta_sta, theta_sa) + 1``, summed over the heads."""
        members = unwrapped(self.discriminator).members
        distances = []
        for level in LEVELS:
            pairs = zip(members[term('sta', level)].parameters(), members[term('sa', level)].parameters())
            cosines = [F.cosine_similarity(a.flatten(), b.flatten(), dim=0) for a, b in pairs]
            distances.append(torch.stack(cosines).mean() + 1)
        return torch.stack(distances).sum()


def intra_domain_consistency(logits: Tensor, previous: Tensor, flow: Tensor) -> Tensor:
    """Compare current probabilities with the previous ones, moved along the flow, where those are more certain.

    Args:
        logits: (N, C, h, w), of the current frame.
        previous: (N, C, h, w), of the previous frame; no gradient goes back to it.
        flow: (N, 2, H, W), pixels of its own grid, from the current frame to the previous one.

    Returns:
        The mean over classes and pixels, where pixels that do not count are 0.

    Convention:
        The pixel at x of the previous frame goes to ``x - flow(x)``, as in ``Splat``.
    """
    with torch.no_grad():
        probs_and_entropy = torch.cat((previous.softmax(dim=1), normalized_entropy(previous)[:, None]), dim=1)
        moved, landed = propagate(probs_and_entropy, -resize_flow(flow, logits.shape[-2:]))
        weight = landed & (moved[:, -1] < normalized_entropy(logits))
    return (weight[:, None] * (logits.softmax(dim=1) - moved[:, :-1]).abs()).mean()
