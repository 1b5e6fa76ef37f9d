"""When M is updated: each pass is back-propagated as soon as it is made, and one step follows."""

from collections import defaultdict
from collections.abc import Iterator
from itertools import chain, count
from typing import Any, NamedTuple

import torch
from mmengine.optim import OptimWrapper
from torch import Tensor, nn

from i2vda_mmseg.models.idle_parameters import IdleParameters
from i2vda_mmseg.models.statistics import advice_on_small_batches, frozen_statistics
from i2vda_mmseg.models.wrappers import apart


class SegmentorPass(NamedTuple):
    """One forward pass of the segmentor: its losses, and what the discriminators will see of it.

    Attributes:
        losses: Terms by the name under which they are logged, before their weights. Those with "loss" in their name
            are learnt from, as everywhere in mmengine.
        domain: 'source' or 'target'.
        predictions: (N, C, H, W) by level, what the discriminators judge, or None.
        details: What a term is the sum of: logged, and not learnt from once more.
    """

    losses: dict[str, Tensor]
    domain: str
    predictions: dict[str, Tensor] | None = None
    details: dict[str, Tensor] | None = None


class UpdateMixin(nn.Module):
    """Let a method train its ``segmentor`` by the passes that it makes, so that one graph is in memory at a time.

    Attributes:
        loss_weights: Weight of each loss term in the total; 1 for those that a method does not name.
        loss_terms: Terms of the current iteration, as far as it has come; what an error reports.
    """

    segmentor: nn.Module
    loss_weights: dict[str, float]
    loss_terms: dict[str, Tensor]
    _idle: IdleParameters

    @property
    def has_temporal_pass(self) -> bool:
        """Whether ``temporal_terms`` are learnt in a pass of their own, after those of the method."""
        return False

    def temporal_terms(self, batch: dict[str, Any]) -> dict[str, Tensor]:
        """Make that pass."""
        raise NotImplementedError

    def segmentor_passes(self, batch: dict[str, Any]) -> Iterator[SegmentorPass]:
        """Make the method's forward passes of M, one after the other."""
        raise NotImplementedError

    def count_passes(self, batch: dict[str, Any]) -> int | None:
        """Say how many passes ``segmentor_passes`` makes of a batch, the same on every rank; None: it cannot say.

        On several ranks the gradients are averaged once, during the last pass; where it is not known, during each.
        """
        return None

    def temporal_passes(self, batch: dict[str, Any]) -> Iterator[SegmentorPass]:
        """Make the pass of I_t, after those of the method, where there is one."""
        if self.has_temporal_pass:
            yield SegmentorPass(self.temporal_terms(batch), 'target')

    def update_segmentor(
        self, batch: dict[str, Any], optim_wrapper: OptimWrapper
    ) -> tuple[dict[str, Tensor], dict[str, list[dict[str, Tensor]]]]:
        """Back-propagate every pass, step once; returns the terms, and each pass's predictions by domain, detached.

        Raises:
            RuntimeError: If there are other passes than ``count_passes`` says.
        """
        log_vars: dict[str, Tensor] = {}
        details: dict[str, Tensor] = {}
        self.loss_terms = log_vars
        predictions: dict[str, list[dict[str, Tensor]]] = defaultdict(list)
        for current in self._forward_passes(batch, optim_wrapper):
            self._accumulate_gradient(optim_wrapper, current.losses)
            for name, value in current.losses.items():
                log_vars[name] = log_vars.get(name, 0) + value.detach()
            details.update(current.details or {})
            if current.predictions is not None:
                predictions[current.domain].append({level: x.detach() for level, x in current.predictions.items()})
        self._idle.tell()
        self._step(optim_wrapper)
        return log_vars | details, predictions

    def _forward_passes(self, batch: dict[str, Any], optim_wrapper: OptimWrapper) -> Iterator[SegmentorPass]:
        """Make every pass in the context that it needs; on several ranks all but the last leave gradients apart."""
        passes = chain(self.segmentor_passes(batch), self.temporal_passes(batch))
        own = self.count_passes(batch)
        last = None if own is None else own + self.has_temporal_pass - 1
        for index in count():
            optimizing = optim_wrapper.optim_context(self.segmentor)
            is_apart = apart(self.segmentor, last is not None and index < last)
            with optimizing, is_apart, advice_on_small_batches(), self._idle.advice():
                current = next(passes, None)
            if current is None:
                break
            yield current
        if last is not None and index != last + 1:
            raise RuntimeError(
                f'{type(self).__name__}.count_passes says {own}, but segmentor_passes made '
                f'{index - self.has_temporal_pass}: on several ranks, gradients would be averaged at the wrong moment'
            )

    def weighted_sum(self, losses: dict[str, Tensor]) -> Tensor:
        """Add the terms that are learnt from, each with its weight, a number or a tensor of one."""
        learnt = [(self.loss_weights.get(name, 1.0), value) for name, value in losses.items() if 'loss' in name]
        return torch.stack([(w.to(x.dtype) if isinstance(w, Tensor) else w) * x for w, x in learnt]).sum()

    def _accumulate_gradient(self, optim_wrapper: OptimWrapper, losses: dict[str, Tensor]) -> None:
        loss = optim_wrapper.scale_loss(self.weighted_sum(losses))
        scaler = getattr(optim_wrapper, 'loss_scaler', None)
        with frozen_statistics(self.segmentor):  # activation checkpointing repeats the forward pass here
            (loss if scaler is None else scaler.scale(loss)).backward()

    def _step(self, optim_wrapper: OptimWrapper) -> None:
        # OptimWrapper.backward counts an iteration each time it is called, and this one has several backward passes:
        # a loss without a graph of its own lets it count, step and clear once.
        parameter = next(self.segmentor.parameters())
        optim_wrapper.update_params(torch.zeros((), device=parameter.device, requires_grad=True))
