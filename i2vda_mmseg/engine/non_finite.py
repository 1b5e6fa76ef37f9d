"""What is said of numbers that went wrong."""

from collections.abc import Iterator, Mapping
from typing import Any


class NonFiniteError(ArithmeticError):
    """A loss or a gradient is NaN or infinite; the message names the iteration, the loss terms and the samples."""


def describe_terms(terms: Mapping[str, Any]) -> str:
    """Write loss terms as they are logged.

    Example:
        >>> describe_terms(dict(loss_seg=1.25, loss_tc=float('nan')))
        'loss_seg=1.25, loss_tc=nan'
    """
    return ', '.join(f'{name}={float(value):.4g}' for name, value in terms.items()) or 'none yet'


def sample_paths(batch: Any) -> list[str]:
    """Name the images of a training batch, with their domain: 'source 0001.png', 'target a.png + b.png'."""
    return list(_paths(batch)) if isinstance(batch, Mapping) else []


def _paths(batch: Mapping[str, Any]) -> Iterator[str]:
    for domain in ('source', 'target'):
        for sample in (batch.get(domain) or {}).get('data_samples') or []:
            paths = sample.metainfo.get('frame_paths') or [sample.metainfo.get('img_path', 'without a path')]
            yield f'{domain} {" + ".join(str(path) for path in paths)}'
