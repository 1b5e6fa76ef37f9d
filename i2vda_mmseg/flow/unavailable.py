"""A flow estimator that is missed only where flow is needed."""

from collections.abc import Mapping, Sequence
from typing import Any

from mmseg.registry import MODELS
from torch import Tensor

from .base import FlowEstimator


class UnavailableFlow(FlowEstimator):
    """Stands where an estimator cannot be built for want of a package or a file, and raises that error when asked.

    Args:
        error: What the estimator raised when it was built.
    """

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error.with_traceback(None)  # which would keep half a network alive

    def estimate(self, frame_a: Tensor, frame_b: Tensor, keys: Sequence[tuple[str, str]] | None) -> Tensor:
        """Raise the error."""
        raise self.error

    def check_available(self) -> None:
        """Raise the error."""
        raise self.error


def build_flow_estimator(config: Mapping[str, Any]) -> FlowEstimator:
    """Build an estimator, frozen, for a model that is of use without flow too: I2VDA needs none at test time.

    Returns:
        The estimator, or an ``UnavailableFlow`` where its package, its weights or its cache are not there. Whatever
        else is wrong with it, such as weights that do not fit, is raised at once.
    """
    estimator: FlowEstimator
    try:
        estimator = MODELS.build(dict(config))
    except (ImportError, FileNotFoundError) as error:
        estimator = UnavailableFlow(error)
    return estimator.requires_grad_(False).eval()
