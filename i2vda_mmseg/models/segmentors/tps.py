"""TPS, temporal pseudo supervision."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import torch
from mmseg.registry import MODELS, TRANSFORMS
from torch import Tensor

from i2vda_mmseg.models.statistics import evaluating, frozen_statistics
from i2vda_mmseg.ops import IGNORE_INDEX, flip_flow, most_likely, resize_flow, unknown, upsample, warp

from .levels import term
from .two_frame import TwoFrameSegmentor
from .updates import SegmentorPass

_STRIDE = 8  # rescaled frames have sides that are multiples of it


class FourFrames(NamedTuple):
    """The target frames of one iteration and the flows between them.

    Frames are (N, 3, H, W), RGB 0..255, a to d in order of time (b and c are the same for an interval of 1); flows
    (N, 2, H, W), pixels, ``flow_xy`` on frame x's grid.
    """

    frame_a: Tensor
    frame_b: Tensor
    frame_c: Tensor
    frame_d: Tensor
    flow_ba: Tensor
    flow_db: Tensor
    flow_dc: Tensor


@MODELS.register_module()
class TPS(TwoFrameSegmentor):
    """Domain adaptive video segmentation via temporal pseudo supervision (Xing et al., ECCV 2022).

    Of the target frames a, b, c, d in order of time (d = Y, c = Y - 1, b = Y - interval, a = b - 1), the network as it
    is predicts b from (a, b); the probabilities, moved to d with ``flow_db``, are the pseudo-labels of d at the size of
    the logits, for each head. The network learns them from (c, d) under a strong augmentation and rescaled::

        loss = loss_seg + lambda_seg_aux loss_seg_aux + lambda_tps (loss_tps + lambda_seg_aux loss_tps_aux)
        loss_tps = CE(fused(d, c), argmax W(softmax(fused(b, a)), flow_db))

    With ``batch_statistics='target'`` the running statistics are those of frame d as it is, in a pass without gradient:
    those of augmented frames would not fit any frame at test time.

    All pixels count, without a threshold. Source images are brought to the target's colours by ``HistogramMatching`` in
    ``DomainPairDataset``. At test time: two frames and the flow between them.

    The teacher is in eval mode. Errors of the released code are left out, see docs/methods.md.

    Args:
        segmentor: Config of a ``TwoFrameEncoderDecoder``.
        flow_estimator: Config of a ``FlowEstimator``.
        augmentation: Config of the transform of the student's frames, ``StrongAugmentation``.
        interval: Frames between b and d, at least 1; a sample needs ``interval + 2`` frames.
        scales: Range of the factor by which the student's frames are rescaled, to multiples of 8 pixels.
        flip_prob: Probability that the teacher sees mirrored frames.
        lambda_tps: Weight of ``loss_tps``: 0.1 for VIPER and 1 for SYNTHIA in the released code.
        **kwargs: Those of ``DomainAdaptiveSegmentor``.

    Raises:
        ValueError: If ``interval`` or ``scales`` is out of range.
    """

    def __init__(
        self,
        segmentor: dict,
        flow_estimator: dict,
        augmentation: dict,
        interval: int = 1,
        scales: Sequence[float] = (0.8, 1.2),
        flip_prob: float = 0.5,
        lambda_tps: float = 1.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(segmentor, flow_estimator, **kwargs)
        if interval < 1 or not 0 < scales[0] <= scales[1]:
            raise ValueError(f'interval must be at least 1 and scales rise from above 0, got {interval} and {scales}')
        self.augmentation = TRANSFORMS.build(augmentation)
        self.interval = interval
        self.scales = (scales[0], scales[1])
        self.flip_prob = flip_prob
        self.lambda_tps = lambda_tps
        self.loss_weights.update(loss_tps=lambda_tps, loss_tps_aux=lambda_tps * self.lambda_seg_aux)

    def count_passes(self, batch: dict[str, Any]) -> int:
        """Say how many: those of the source pair and of the student."""
        return 2

    def segmentor_passes(self, batch: dict[str, Any]) -> Iterator[SegmentorPass]:
        """Make the passes of the source pair and of the student."""
        source = batch['source']
        learnt = self.supervised_source(source, self.source_input(source))
        yield SegmentorPass(learnt.losses, 'source', details=learnt.details)

        clip = self.four_frames(batch['target'])
        is_flipped, scale = self.draw()
        yield self.student_pass(clip, scale, self.pseudo_labels(clip, is_flipped))
        if self.batch_statistics == 'target':
            self.see_target(batch['target'])

    def student_pass(self, clip: FourFrames, scale: float, pseudo_labels: dict[str, Tensor]) -> SegmentorPass:
        """Learn the pseudo-labels of frame d from its augmented, rescaled pair."""
        with frozen_statistics(self.segmentor, enabled=self.batch_statistics == 'target'):
            student = self.coarse_logits(self.student_input(clip, scale))
        losses = {
            term('loss_tps', level): self.loss_seg(self.upsampled(student[level], labels), labels)
            for level, labels in pseudo_labels.items()
        }
        return SegmentorPass(losses, 'target')

    def draw(self) -> tuple[bool, float]:
        """Draw whether the teacher sees mirrored frames, and the student's scale.

        From torch's global CPU generator, which ``ReseedHook`` seeds for each iteration and rank.
        """
        flip, place = torch.rand(2, dtype=torch.float64).tolist()
        low, high = self.scales
        return flip < self.flip_prob, low + (high - low) * place

    def four_frames(self, target: dict[str, Any]) -> FourFrames:
        """Take the frames apart and estimate the flows between them.

        Raises:
            ValueError: If there are fewer than ``interval + 2`` frames.
        """
        frames, data_samples = target['frames'], target['data_samples']
        d, c, b, a = -1, -2, -1 - self.interval, -2 - self.interval
        if frames.shape[1] < self.interval + 2:
            raise ValueError(
                f'TPS with interval={self.interval} needs {self.interval + 2} target frames, got {frames.shape[1]}: '
                f'set frames={self.interval + 2} in the target data set and name them all in its pipeline'
            )
        flow_ba = self.flow_between(frames, data_samples, b, a)
        flow_db = self.flow_between(frames, data_samples, d, b)
        flow_dc = flow_db if b == c else self.flow_between(frames, data_samples, d, c)
        return FourFrames(frames[:, a], frames[:, b], frames[:, c], frames[:, d], flow_ba, flow_db, flow_dc)

    def pseudo_labels(self, clip: FourFrames, is_flipped: bool = False) -> dict[str, Tensor]:
        """Label frame d with the prediction of frame b: (N, h, w), int64, by level, at the size of the logits."""
        return {level: moved_labels(probs, clip.flow_db) for level, probs in self.moved_probs(clip, is_flipped).items()}

    @torch.no_grad()
    def moved_probs(self, clip: FourFrames, is_flipped: bool = False) -> dict[str, Tensor]:
        """Predict frame b with the teacher and move the probabilities to frame d: (N, C, h, w), by level.

        With ``is_flipped`` the network sees mirrored frames, and what it predicts is mirrored back.
        """
        frame_b, frame_a, flow_ba = clip.frame_b, clip.frame_a, clip.flow_ba
        if is_flipped:
            frame_b, frame_a, flow_ba = frame_b.flip(3), frame_a.flip(3), flip_flow(flow_ba)
        moved = {}
        for level, logits in self.teacher_logits(self.stacked(frame_b, frame_a, flow_ba)).items():
            probs = logits.softmax(dim=1)
            probs = probs.flip(3) if is_flipped else probs
            moved[level] = warp(probs, resize_flow(clip.flow_db, probs.shape[-2:]))
        return moved

    def teacher_logits(self, images: Tensor) -> dict[str, Tensor]:
        """Predict two frames with the teacher, the network as it is: float32, at the size of the feature maps."""
        with evaluating(self.segmentor):
            return self.coarse_logits(images)

    @torch.no_grad()
    def student_input(self, clip: FourFrames, scale: float) -> Tensor:
        """Make the network's input of frames c and d: augmented alike, rescaled, with the flow of the raw frames."""
        pairs = torch.stack((clip.frame_c, clip.frame_d), dim=1)
        pairs = torch.stack([self.augmentation(dict(frames=pair))['frames'] for pair in pairs])
        size = tuple(_STRIDE * max(1, round(side * scale / _STRIDE)) for side in pairs.shape[-2:])
        frame_c, frame_d = (upsample(frame, size) for frame in pairs.unbind(1))
        return self.stacked(frame_d, frame_c, resize_flow(clip.flow_dc, size))


def moved_labels(probs: Tensor, flow: Tensor) -> Tensor:
    """Label a frame by probabilities that were moved to it: (N, h, w), int64, 255 where the flow is unknown.

    Args:
        probs: (N, C, h, w).
        flow: (N, 2, H, W), pixels of its own grid, along which they were moved.
    """
    return most_likely(probs).masked_fill(unknown(resize_flow(flow, probs.shape[-2:])), IGNORE_INDEX)
