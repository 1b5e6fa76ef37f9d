"""Temporal consistency: does the prediction of the next frame, brought here along the flow, say what this one says?"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from mmengine.dist import all_gather_object
from mmengine.evaluator import BaseMetric
from mmengine.logging import print_log
from mmseg.registry import METRICS, MODELS
from torch import Tensor

from i2vda_mmseg.fileio.frames import FRAME_COLOURS
from i2vda_mmseg.fileio.images import read_image

from .clip_counts import ClipCounts, consistency_by_clip
from .consistency_stream import ConsistencyStream
from .pair_consistency import ConsistencyCounts, choose_switches
from .protocols import protocol_named, require_classes

NEEDED = ('clip', 'frame_index', 'frame_key', 'img_path')
CARRIED = ('tc_flow_01', 'tc_flow_10')


class ClipConsistency(NamedTuple):
    """Temporal consistency of a clip."""

    tc: float  # mean IoU over the classes, in 0..1
    flicker: float  # share of the valid pixels whose class changes, in 0..1
    class_iou: list[float]  # IoU by class, NaN for an absent one where those are excluded
    counts: ConsistencyCounts  # what they were computed from; ``plus`` adds those of other clips


def temporal_consistency(
    predictions: Iterable[Tensor | np.ndarray],
    frames: Iterable[Tensor | np.ndarray],
    flow_estimator: Callable[..., Tensor],
    num_classes: int,
    preset: str = 'clean',
    flow_size: tuple[int, int] | None = None,
    **switches: Any,
) -> ClipConsistency:
    """Measure one clip, without labels, holding one previous frame whatever its length.

    Args:
        predictions: One (H, W) label map a frame, 255 for no class; with ``warping='probs'``, (C, H, W) logits.
        frames: The frames in their order, RGB in 0..255: (H, W, 3) arrays or (3, H, W) tensors.
        flow_estimator: A ``FlowEstimator``, or anything called like one.
        num_classes: C, 2 to 255.
        preset: 'clean' or 'etc', see ``TC_PRESETS``.
        flow_size: (H, W) of the frames that flow is estimated on, or None: that of the predictions.
        **switches: What differs from the preset: ``flow_input``, ``warping``, ``mask``, ``absent``, ``eta``.

    Raises:
        ValueError: If there are fewer than two frames, not as many predictions as frames, labels that are neither a
            class nor 255, or flow that is not finite.

    Example:
        >>> from i2vda_mmseg.flow import DISFlow
        >>> still = [torch.zeros(32, 48, dtype=torch.long)] * 3
        >>> temporal_consistency(still, [np.zeros((32, 48, 3), np.uint8)] * 3, DISFlow(), num_classes=15).tc
        1.0
    """
    chosen = choose_switches(preset, **switches)
    stream = ConsistencyStream(flow_estimator, num_classes, chosen, flow_size)
    stream.begin_clip()
    for prediction, frame in zip(predictions, frames, strict=True):
        stream.add(torch.as_tensor(prediction), frame)
    counts = stream.counts
    if not counts.pairs:
        raise ValueError('temporal consistency needs two frames or more')
    class_iou = counts.class_iou(chosen.absent)
    return ClipConsistency(_mean(class_iou), counts.flicker(), class_iou, counts)


@METRICS.register_module()
class TemporalConsistency(BaseMetric):
    """Mean IoU between each frame's prediction and the next frame's, warped to it along optical flow.

    Needs no labels. Takes frames in the order of their clips, which ``CityscapesClipDataset`` with ``ClipSampler``
    gives, and holds one previous frame. Counts are whole numbers, summed over all pairs of all clips on all ranks
    before anything is divided: any number of ranks gives the same figures. Flow that samples carry, from data workers
    (``CityscapesClipDataset(flow=dict(type='ClipFlow', ...))``), is taken as it is; other flow is estimated here.

    Figures: ``TC`` (mean over the classes) and ``TC_IoU/<class>`` in 0..1; ``flicker``, the share of the valid pixels
    whose class changes, in 0..1; ``TC_pairs`` and ``TC_clips``.

    Args:
        flow_estimator: Config of the ``FlowEstimator``; a ``CachedFlow`` decides ``flow_size``. Default ``DISFlow``.
        preset: 'clean' or 'etc', see ``TC_PRESETS``: where the switches below are None, they come from there.
        flow_input: See ``Switches``.
        warping: See ``Switches``.
        mask: See ``Switches``.
        absent: See ``Switches``.
        eta: See ``Switches``.
        flow_size: (H, W) of the frames that flow is estimated on; None: that of the predictions.
        protocol: A name of ``PROTOCOLS``, whose reported classes the mean is over; None: all classes of the data set.
        **kwargs: Those of ``BaseMetric``.

    Raises:
        ValueError: If a preset, a switch or the protocol is unknown, or a cache is to serve flow of distorted input.

    Attributes:
        clip_counts: After an evaluation: what was counted on each clip of all ranks.
    """

    def __init__(
        self,
        flow_estimator: dict | None = None,
        preset: str = 'clean',
        flow_input: str | None = None,
        warping: str | None = None,
        mask: str | None = None,
        absent: str | None = None,
        eta: float | None = None,
        flow_size: Sequence[int] | None = None,
        protocol: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.preset = preset
        chosen: dict[str, Any] = dict(flow_input=flow_input, warping=warping, mask=mask, absent=absent, eta=eta)
        self.switches = choose_switches(preset, **chosen)
        self.flow_estimator = MODELS.build(dict(flow_estimator or dict(type='DISFlow')))
        cache = getattr(self.flow_estimator, 'cache', None)
        size = cache.size if cache is not None and flow_size is None else flow_size
        self.flow_size = None if size is None else (int(size[0]), int(size[1]))
        if protocol is not None:
            protocol_named(protocol)
        self.protocol = protocol
        self._check_input(cached=cache is not None)
        self._stream: ConsistencyStream | None = None
        self.clip_counts: ClipCounts | None = None
        self._place: tuple[str, int] = ('', 0)
        self._clips: list[tuple[str, list[int]]] = []  # name of each finished clip, and the vector of its counts

    def process(self, data_batch: Any, data_samples: Sequence[dict]) -> None:
        """Take the next frames of a clip; the first frame of a clip is compared with nothing."""
        for sample in data_samples:
            if missing := [name for name in NEEDED if name not in sample]:
                raise ValueError(
                    f'TemporalConsistency takes frames of clips, but a sample has no {", ".join(missing)}; '
                    'use a CityscapesClipDataset with a ClipSampler'
                )
            stream = self._stream_for(sample)
            self._follow(stream, sample['clip'], int(sample['frame_index']))
            wanted = 'seg_logits' if self.switches.warping == 'probs' else 'pred_sem_seg'
            prediction = sample[wanted]['data']
            flows = [sample[name]['data'] for name in CARRIED if name in sample] or None
            image = None if flows else read_image(sample['img_path'], colours=FRAME_COLOURS)[..., ::-1]  # BGR on disk
            stream.add(
                prediction if wanted == 'seg_logits' else prediction.squeeze(0), image, sample['frame_key'], flows
            )

    def evaluate(self, size: int) -> dict[str, float]:
        """Sum the counts of all ranks, compute, and start afresh; ``size`` is not needed."""
        self._end_clip()
        clips = [clip for of_rank in all_gather_object(self._clips) for clip in of_rank]
        self._stream, self._clips = None, []
        counts = [ConsistencyCounts.from_vector(torch.tensor(vector)) for _, vector in clips]
        zero = ConsistencyCounts.zero(len(self._classes()))
        metrics = self.compute_metrics([sum((each.vector() for each in counts), zero.vector())])
        absent = 0.0 if self.switches.absent == 'zero' else None
        names = [name for name, _ in clips]
        self.clip_counts = consistency_by_clip(names, counts, self._classes(), self._reported(), absent)
        return {f'{self.prefix}/{name}': value for name, value in metrics.items()} if self.prefix else metrics

    def compute_metrics(self, results: list[Tensor]) -> dict[str, float]:
        """Compute the figures from the sums over all ranks.

        Raises:
            ValueError: If there was no pair of consecutive frames.
        """
        counts = ConsistencyCounts.from_vector(results[0])
        if not counts.pairs:
            raise ValueError(
                'no two consecutive frames of one clip reached TemporalConsistency; use a CityscapesClipDataset with a '
                'ClipSampler, so that a rank gets whole clips'
            )
        figures = self.figures(counts)
        print_log(
            f'temporal consistency, preset {self.preset}, protocol {self.protocol}: TC {figures["TC"]:.4f}, flicker '
            f'{figures["flicker"]:.4f} (shares in 0..1), {counts.pairs} pairs of {counts.clips} clips',
            logger='current',
        )
        return figures

    def figures(self, counts: ConsistencyCounts) -> dict[str, float]:
        """Divide what was counted, over the classes that the protocol reports."""
        by_class = dict(zip(self._classes(), counts.class_iou(self.switches.absent)))
        by_class = {name: by_class[name] for name in self._reported()}
        figures = dict(TC=_mean(list(by_class.values())), flicker=counts.flicker())
        by_name = {f'TC_IoU/{name}': value for name, value in by_class.items()}
        return figures | dict(TC_pairs=counts.pairs, TC_clips=counts.clips) | by_name

    def _stream_for(self, sample: dict) -> ConsistencyStream:
        """The stream, made when the first frame shows the classes and the device."""
        if self._stream is None:
            self.flow_estimator.to(sample['pred_sem_seg']['data'].device)
            self._stream = ConsistencyStream(self.flow_estimator, len(self._classes()), self.switches, self.flow_size)
        return self._stream

    def _follow(self, stream: ConsistencyStream, clip: str, index: int) -> None:
        last_clip, last = self._place
        if not stream.counts.clips or clip != last_clip:
            self._end_clip()
            stream.begin_clip()
        elif index != last + 1:
            raise ValueError(
                f'frame {index} of clip {clip} follows frame {last}; a rank needs whole clips in their order: '
                "set sampler=dict(type='ClipSampler')"
            )
        self._place = clip, index

    def _end_clip(self) -> None:
        """Keep the counts of the clip apart, and begin at zero."""
        if self._stream is not None and self._stream.counts.clips:
            self._clips.append((self._place[0], self._stream.counts.vector().tolist()))
            self._stream.counts = ConsistencyCounts.zero(self._stream.num_classes)

    def _classes(self) -> tuple[str, ...]:
        if self.protocol is not None:
            require_classes(self.protocol, self.dataset_meta)
        return tuple(self.dataset_meta['classes'])

    def _reported(self) -> tuple[str, ...]:
        return self._classes() if self.protocol is None else tuple(protocol_named(self.protocol).reported)

    def _check_input(self, cached: bool) -> None:
        if self.switches.flow_input == 'rgb255':
            return
        if cached:
            raise ValueError(
                "flow_input='imagenet' asks for the flow of normalised frames, but a cache holds that of frames in "
                "0..255; set flow_input='rgb255', or another flow_estimator"
            )
        if type(self.flow_estimator).__name__ == 'DISFlow':
            sees_nothing = (
                "DISFlow rounds frames to 8 bits: with flow_input='imagenet', as in the preset etc, it sees almost "
                "nothing and its flow is close to 0; use a network, or set flow_input='rgb255'"
            )
            print_log(sees_nothing, logger='current', level=30)


def _mean(shares: list[float]) -> float:
    """Mean without NaN, NaN if there is nothing else."""
    present = [share for share in shares if not np.isnan(share)]
    return sum(present) / len(present) if present else float('nan')
