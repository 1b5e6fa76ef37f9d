"""Frames that are made ready once, and what one network after another makes of them."""

import math
from collections.abc import Collection, Iterable
from contextlib import nullcontext
from typing import Any, NamedTuple

import cv2
import numpy as np
import torch
from mmseg.structures import SegDataSample
from torch import Tensor

from i2vda_mmseg.engine.frame_predictor import FramePredictor
from i2vda_mmseg.evaluation import choose_switches, label_free
from i2vda_mmseg.evaluation.consistency_stream import ConsistencyStream
from i2vda_mmseg.evaluation.label_free.frame_statistics import NEIGHBOURS
from i2vda_mmseg.flow import DISFlow

from .unlabelled_frames import Shot

_MIXVAL = {'mixval_intra', 'mixval_inter'}


class _Ready(NamedTuple):
    key: str
    inputs: Tensor
    meta: dict[str, Any]
    flows: Tensor | None  # (2, 2, H, W): from the frame before to this one, and back


class Measured(NamedTuple):
    """What a network makes of the frames."""

    figures: dict[str, float | None]  # by criterion, None for one that these frames or this network do not allow
    histogram: Tensor  # (C,), int64, pixels predicted of each class
    is_constant: bool  # whether the frames differ, and their label maps do not


class LabelFreeProbe:
    """Compares networks on the same frames, at the size that the test pipeline brings them to.

    Frames are read, resized and compared by optical flow once, when the probe is made; of each, the network's 8-bit
    input is kept (3 bytes a pixel), and of each pair the flow of both directions in half precision (8). The first frame
    of each group is also looked at mirrored, by the teacher, and mixed with that of another group. Temporal consistency
    is that of the preset 'clean' along DIS flow.

    Args:
        predictor: Whose pipeline makes the frames ready.
        groups: Single frames, and pairs of consecutive ones.

    Raises:
        ValueError: If there is no frame, or the frames of a pair differ in size.
    """

    def __init__(self, predictor: FramePredictor, groups: Iterable[list[Shot]]) -> None:
        self._groups = [_make_ready(predictor, group) for group in groups]
        if not self._groups:
            raise ValueError('there are no frames to compare checkpoints on')
        frames = [ready for group in self._groups for ready in group]
        self._neighbours = max(2, NEIGHBOURS // len(frames))
        self._differ = any(not torch.equal(frame.inputs, frames[0].inputs) for frame in frames)

    def measure(self, predictor: FramePredictor, criteria: Collection[str], has_teacher: bool = False) -> Measured:
        """Look at one network, of the classes and the pipeline of the first one; NonFiniteLogitsError if it says NaN.

        ``criteria`` are to be computed, of those that need passes of their own (the others come at no cost);
        ``has_teacher`` says whether the weights of ``model.proxy`` are its own.
        """
        stream = ConsistencyStream(DISFlow(), len(predictor.palette), choose_switches('clean'))
        statistics, firsts, flips, teachers = [], [], [], []
        for group in self._groups:
            stream.begin_clip()
            for frame in group:
                logits, labels = _predict(predictor, frame.inputs, frame.meta)
                statistics.append(label_free.FrameStatistics.of(logits, labels, frame.key, self._neighbours))
                if 'temporal_consistency' in criteria and len(group) > 1:
                    stream.add(labels, None, frame.key, None if frame.flows is None else list(frame.flows.float()))
                if frame is group[0]:
                    firsts.append(labels)
            if 'flip_agreement' in criteria:
                mirrored = _predict(predictor, group[0].inputs.flip(-1), group[0].meta)[1]
                flips.append(label_free.flip_agreement(firsts[-1], mirrored))
            if has_teacher and 'teacher_agreement' in criteria:
                taught = _predict(predictor, group[0].inputs, group[0].meta, teacher=True)[1]
                teachers.append(label_free.label_agreement(firsts[-1], taught))
        figures: dict[str, float | None] = dict(label_free.summary(statistics))
        intra, inter = self._mix(predictor, firsts).shares() if _MIXVAL & set(criteria) else (None, None)
        figures.update(mixval_intra=intra, mixval_inter=inter, flip_agreement=_mean(flips))
        figures['temporal_consistency'] = _mean(stream.counts.class_iou()) if stream.counts.pairs else None
        figures['teacher_agreement'] = _mean(teachers)
        histogram = torch.stack([frame.histogram for frame in statistics]).sum(0)
        return Measured(figures, histogram, self._differ and label_free.is_constant(statistics))

    def _mix(self, predictor: FramePredictor, labels: list[Tensor]) -> label_free.MixCounts:
        """Mix the first frame of each group with that of the group as far from the end as it is from the start."""
        counts = label_free.MixCounts()
        firsts = [group[0] for group in self._groups]
        for i, (frame, other) in enumerate(zip(firsts, reversed(firsts))):
            if frame is not other and frame.inputs.shape == other.inputs.shape:
                mixed = _predict(predictor, label_free.mix(frame.inputs, other.inputs), frame.meta)[1]
                counts = counts.plus(label_free.MixCounts.of(labels[i], labels[-1 - i], mixed))
        return counts


def _make_ready(predictor: FramePredictor, group: list[Shot]) -> list[_Ready]:
    ready: list[_Ready] = []
    for before, shot in zip([None, *group], group):
        sample = predictor.prepare(shot.image, None if before is None else before.image)
        size = tuple(sample['inputs'].shape[-2:])
        meta = dict(sample['data_samples'].metainfo, ori_shape=size, img_shape=size)
        flows = None
        if before is not None:
            if size != ready[-1].meta['img_shape']:
                raise ValueError(f'{before.key} and {shot.key} are consecutive but differ in size')
            frames = torch.cat([_rgb(before.image, size), _rgb(shot.image, size)])
            flows = DISFlow()(frames, frames.flip(0)).half()
        ready.append(_Ready(shot.key, sample['inputs'], meta, flows))
    return ready


@torch.no_grad()
def _predict(
    predictor: FramePredictor, inputs: Tensor, meta: dict[str, Any], teacher: bool = False
) -> tuple[Tensor, Tensor]:
    """Logits (C, H, W) and classes (H, W), uint8, at the size of the inputs."""
    model = predictor.model
    data = model.data_preprocessor(dict(inputs=[inputs], data_samples=[SegDataSample(metainfo=meta)]), False)
    with model.proxy_in_place() if teacher else nullcontext():
        sample = model(**data, mode='predict')[0]
    return sample.seg_logits.data, sample.pred_sem_seg.data[0].to(torch.uint8)


def _rgb(image: np.ndarray, size: Any) -> Tensor:
    """Give a BGR image as (1, 3, h, w), float32, RGB in 0..255."""
    resized = cv2.resize(image, (size[1], size[0]), interpolation=cv2.INTER_AREA)
    return torch.from_numpy(np.ascontiguousarray(resized[..., ::-1])).permute(2, 0, 1)[None].float()


def _mean(values: list[float]) -> float | None:
    known = [value for value in values if not math.isnan(value)]
    return sum(known) / len(known) if known else None
