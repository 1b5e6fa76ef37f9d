"""Do a few training steps on the device give the figures of a CPU?"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple

import torch
from torch import Tensor

from .methods import blank_batches, build_steps, leaf, trained_weights

STEPS = 2
# Largest difference, by precision: of a loss term, relative to it and at least to SMALLEST; of what the steps changed
# in the weights, relative to its length. Those of half precision are of one rounding a layer, and a pseudo-label that
# falls the other way now and then.
TOLERANCES = dict(float32=(2e-3, 2e-2), float16=(2e-2, 0.4), bfloat16=(3e-2, 0.6))
SMALLEST = 0.05


class Figures(NamedTuple):
    """Loss terms of each step, and the change of the segmentor's weights over all of them."""

    terms: list[dict[str, float]]
    update: Tensor


def figures(path: str, precision: str, device: str, batches: list[dict[str, Any]]) -> Figures:
    """Train for a few steps."""
    steps = build_steps(path, precision, device, batches)
    before = trained_weights(steps.model)
    logged = [steps.step(index) for index in range(STEPS)]
    terms = [{name: float(value) for name, value in each.items()} for each in logged]
    return Figures(terms, trained_weights(steps.model) - before)


def compare_with_cpu(method: str, precisions: tuple[str, ...], device: str) -> Iterator[dict[str, Any]]:
    """Compare the steps of a method on a device with those of the CPU in float32; a row for each precision."""
    path = leaf(method, small=True)
    batches = blank_batches(path)
    with exact_float32():
        expected = figures(path, 'float32', 'cpu', batches)
        for precision in precisions:
            yield dict(method=method, precision=precision) | _row(expected, path, precision, device, batches)


def _row(expected: Figures, path: str, precision: str, device: str, batches: list[dict[str, Any]]) -> dict[str, Any]:
    try:
        found = figures(path, precision, device, batches)
    except RuntimeError as error:  # what a device cannot do is a finding, and the other methods are looked at too
        return dict(ok=False, error=str(error).splitlines()[0])
    names = [set(terms) for terms in expected.terms]
    if [set(terms) for terms in found.terms] != names:
        return dict(ok=False, error=f'other terms than on the CPU: {sorted(found.terms[0])}')
    term, difference = largest_difference(expected.terms, found.terms)
    update = float((found.update - expected.update).norm() / expected.update.norm())
    of_terms, of_update = TOLERANCES[precision]
    return dict(ok=difference <= of_terms and update <= of_update, term=term, difference=difference, update=update)


def largest_difference(
    expected: list[Mapping[str, float]] | list[dict[str, float]], found: list[dict[str, float]]
) -> tuple[str, float]:
    """Name the term that differs most, and by how much, relative to its value or to ``SMALLEST``.

    Example:
        >>> largest_difference([dict(loss_seg=2.0, loss_tc=0.0)], [dict(loss_seg=2.1, loss_tc=0.001)])
        ('loss_seg', 0.05)
    """
    pairs = [(name, value, after[name]) for before, after in zip(expected, found) for name, value in before.items()]
    differences = [(name, abs(a - b) / max(abs(a), SMALLEST)) for name, a, b in pairs]
    name, worst = max(differences, key=lambda each: each[1] if each[1] == each[1] else float('inf'))
    return name, round(worst, 6)


@contextmanager
def exact_float32() -> Iterator[None]:
    """Compute float32 as such: without TF32, which drops 13 bits of each factor."""
    kept = torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32
    try:
        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
        yield
    finally:
        torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32 = kept
