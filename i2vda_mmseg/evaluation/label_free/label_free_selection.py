"""Choosing a checkpoint while training, without labels."""

import math
from collections.abc import Sequence
from typing import Any

import torch
from mmengine.evaluator import BaseMetric
from mmengine.logging import MessageHub, print_log
from mmseg.registry import METRICS

from .frame_statistics import FrameStatistics, is_constant, summary
from .ranking import collapse_reason, effective_classes, order, rank_averages

ONLINE_CRITERIA = ('soft_neighborhood_density', 'information_maximization', 'batch_nuclear_norm', 'negative_entropy')
HISTORY = 'label_free_history'
_NEIGHBOURS = 32  # predictions of a frame that SND compares with those of the others


@METRICS.register_module()
class LabelFreeSelection(BaseMetric):
    """Ranks each validation among all so far, by what its predictions alone say; needs no labels.

    ``label_free/rank`` is ``p - 1 + 1/k`` for the k-th validation of a training that comes p-th among the k by the mean
    of its ranks in ``criteria``; of equals, the later comes first. It is at most 1 for the best so far and larger for
    any other, and each new best is less than the ones before: ``save_best='label_free/rank'`` keeps the checkpoint that
    was best when it was validated (a plain ``CheckpointHook`` needs ``rule='less'`` as well);
    ``tools/select_checkpoint.py`` ranks all that are kept. A network that has collapsed (``collapse_reason``) has the
    rank infinity and is never the best.

    The validations so far are in the message hub, and so in the checkpoints: a resumed run ranks as an uninterrupted
    one. Any number of ranks compares the same pixels. Other figures: each criterion, ``label_free/effective_classes``
    and ``label_free/collapsed``, 0 or 1.

    Args:
        criteria: Those of ``ONLINE_CRITERIA`` that count, each as much as the others. The other criteria of
            ``tools/select_checkpoint.py`` need the network, which a metric does not have.
        source_shares: Share of each class in the source's labels, for the guard against collapse; None: unknown.
        **kwargs: Those of ``BaseMetric``; ``prefix`` is by default 'label_free'.

    Raises:
        ValueError: If a criterion is unknown, or none is given.
    """

    default_prefix = 'label_free'

    def __init__(
        self,
        criteria: Sequence[str] = ('soft_neighborhood_density', 'information_maximization'),
        source_shares: Sequence[float] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if not criteria or not set(criteria) <= set(ONLINE_CRITERIA):
            raise ValueError(f'criteria must be some of {ONLINE_CRITERIA}, got {criteria!r}')
        self.criteria = tuple(criteria)
        self.source_shares = source_shares

    def process(self, data_batch: Any, data_samples: Sequence[dict]) -> None:
        """Keep a few numbers of each frame."""
        for sample in data_samples:
            if 'seg_logits' not in sample:
                raise ValueError(f'LabelFreeSelection needs seg_logits in a sample, but it has {sorted(sample)}')
            labels = sample['pred_sem_seg']['data'].squeeze(0)
            key = str(sample.get('img_path', ''))
            self.results.append(FrameStatistics.of(sample['seg_logits']['data'], labels, key, _NEIGHBOURS))

    def compute_metrics(self, results: list[FrameStatistics]) -> dict[str, float]:
        """Compute the criteria, add them to the history, and rank."""
        figures = summary(results)
        shares = torch.stack([frame.histogram for frame in results]).sum(0)
        source = None if self.source_shares is None else torch.as_tensor(self.source_shares)
        reason = collapse_reason(shares, self.dataset_meta['classes'], source, is_constant(results))
        hub = MessageHub.get_current_instance()
        history = [*(hub.get_info(HISTORY) or []), dict(figures, collapsed=reason is not None)]
        hub.update_info(HISTORY, history)
        rank = self._rank(history)
        verdict = f'collapsed: {reason}' if reason else f'rank {rank:.4g}'
        print_log(f'label-free selection, validation {len(history)} of this training: {verdict}', logger='current')
        return dict(
            figures, effective_classes=effective_classes(shares), collapsed=float(reason is not None), rank=rank
        )

    def _rank(self, history: list[dict[str, Any]]) -> float:
        last = len(history) - 1
        collapsed = {i for i, figures in enumerate(history) if figures['collapsed']}
        if last in collapsed:
            return math.inf
        place = order(rank_averages(history, self.criteria, collapsed)).index(last) + 1
        return place - 1 + 1 / len(history)
