"""Optical flow that was estimated before the training."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from mmengine.logging import print_log
from mmseg.registry import MODELS
from torch import Tensor

from .base import FlowEstimator
from .cache import FlowCache


@MODELS.register_module()
class CachedFlow(FlowEstimator):
    """Serves the flow between the frames of target pairs from disk, made by ``tools/precompute_flow.py``.

    Values are those of the estimator, rounded to 1/64 px. What the cache does not have goes to ``online``: pairs that
    are missing, whatever their size, and frames without keys, such as the synthetic I_t of Eq. 5. A file that is
    damaged, belongs to another pair, direction, size or estimator, or was made from a frame that looks otherwise
    (mirrored, cropped, ...), is never replaced silently, but refused. In the data workers, ``LoadFlow`` does the same.

    Args:
        root: Folder of the cache.
        online: Config of the ``FlowEstimator`` that made the cache, or None: what is missing is an error, and
            I2VDA needs ``flow_1t='compose'``.

    Attributes:
        cache: The ``FlowCache``.

    Raises:
        FileNotFoundError: If ``root`` is no flow cache.
        ValueError: If the cache is damaged, or ``online`` is not the estimator that made it.
    """

    in_workers = True
    online: FlowEstimator | None

    def __init__(self, root: str, online: Mapping[str, Any] | None = None) -> None:
        super().__init__()
        self.root = root
        self.cache = FlowCache(root)
        self.online = None
        if online is not None:
            self.cache.require(estimator=online)
            self.online = MODELS.build(dict(online)).requires_grad_(False).eval()
        self._warned = False

    def estimate(self, frame_a: Tensor, frame_b: Tensor, keys: Sequence[tuple[str, str]] | None) -> Tensor:
        """Read what the cache has, and estimate the rest."""
        if keys is None:
            return self._online(frame_a, frame_b, None)
        if len(keys) != len(frame_a):
            raise ValueError(f'a flow cache needs one key a sample, got {len(keys)} for {len(frame_a)} samples')
        absent = [i for i, key in enumerate(keys) if not self.cache.holds(*key)]
        if absent and self.online is None:
            self.cache.check(*keys[absent[0]])  # says what is missing
        flow = torch.empty(len(keys), 2, *frame_a.shape[-2:])
        if len(absent) < len(keys):  # frames of another size, such as the source's, may all be estimated online
            self.cache.require(size=(frame_a.shape[-2], frame_a.shape[-1]))
            for i in set(range(len(keys))) - set(absent):
                flow[i] = torch.from_numpy(self.cache.read(*keys[i], frame=frame_a[i])).permute(2, 0, 1)
        flow = flow.to(frame_a.device)
        if absent:
            self._warn(keys[absent[0]])
            flow[absent] = self._online(frame_a[absent], frame_b[absent], [keys[i] for i in absent])
        return flow

    def _online(self, frame_a: Tensor, frame_b: Tensor, keys: Sequence[tuple[str, str]] | None) -> Tensor:
        if self.online is None:
            raise ValueError(
                f'the flow cache {self.root} serves frames with keys only, and these have none (Eq. 5 estimates flow '
                "to a synthetic frame): give CachedFlow an online= estimator, or set I2VDA's flow_1t='compose'. "
                "Frames of a data set get keys from PackFramePair's meta_keys, which must hold 'frame_keys'."
            )
        return self.online(frame_a, frame_b, keys)

    def _warn(self, key: tuple[str, str]) -> None:
        if not self._warned:
            print_log(
                f'the flow cache {self.root} is incomplete: it has no flow from {key[0]} to {key[1]}, which is '
                'estimated now, as are others that are missing; complete it with tools/precompute_flow.py --resume',
                logger='current',
                level=30,
            )
        self._warned = True
