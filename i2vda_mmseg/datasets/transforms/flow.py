"""Optical flow between the frames of a sample, estimated or read in the data workers."""

from collections.abc import Mapping, Sequence
from itertools import count, pairwise, takewhile
from typing import Any

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from mmcv.transforms import BaseTransform
from mmseg.registry import MODELS, TRANSFORMS
from torch import Tensor
from torch.utils.data import get_worker_info

from i2vda_mmseg.fileio.frames import FRAME_COLOURS
from i2vda_mmseg.fileio.images import read_image


@TRANSFORMS.register_module()
class EstimateFlow(BaseTransform):
    """Estimate the flow between frames as they are at this point: put it after whatever moves or resizes pixels.

    For estimators that run on the CPU, such as ``DISFlow``: the work is done in the data workers, while the device
    trains. The model takes the flow that a sample brings and estimates on its own device what is missing. Nothing is
    random: it is the flow that the model would have estimated. In a worker process OpenCV runs on one thread.

    Two equal frames, as at the start of a clip, have a flow of zero, which is not estimated. A sample of a single
    image passes unchanged.

    Required keys: ``frame_0``, ``frame_1``... ((H, W, 3), BGR), and ``frame_t`` where a flow to it is asked for.
    Optional key: ``frame_keys``, for estimators that look flow up. Added keys: ``flow_ab`` ((H, W, 2), float32, pixels,
    on frame a's grid) for each of ``flows``.

    Args:
        estimator: Config of a ``FlowEstimator``. None: that of the model, which the tools fill in for training data
            where it suits a data worker; otherwise samples pass unchanged.
        flows: Which flows, two characters each: '10' is F_10 from ``frame_1`` to ``frame_0``, '1t' is F_1t of Eq. 5,
            after ``TemporalAugmentation``. None: both directions between neighbouring frames.

    Raises:
        ValueError: If one of ``flows`` does not name two different frames.
        KeyError: If the sample has no such frame.

    Example:
        >>> frame = np.zeros((32, 48, 3), np.uint8)
        >>> flow = EstimateFlow(dict(type='DISFlow'), flows=['10'])
        >>> flow(dict(frame_0=frame, frame_1=frame))['flow_10'].shape
        (32, 48, 2)
    """

    def __init__(self, estimator: Mapping[str, Any] | None = None, flows: Sequence[str] | None = None) -> None:
        for name in flows or ():
            if len(name) != 2 or name[0] == name[1]:
                raise ValueError(f"flows name two different frames each, like '01', got {name!r}")
        built = estimator and MODELS.build(dict(estimator)).requires_grad_(False).eval()
        self.estimator: Any = built  # a FlowEstimator or None
        self.flows = flows

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Add the flows."""
        if 'frame_1' not in results or self.estimator is None:
            return results
        if get_worker_info() is not None:
            cv2.setNumThreads(0)  # threads of the parent do not survive a fork, and 1 would wait for them to end
        for name in self.flows or _neighbours(results):
            results[f'flow_{name}'] = self._flow(results, *name)
        return results

    def _flow(self, results: dict[str, Any], a: str, b: str) -> np.ndarray:
        if missing := [f'frame_{frame}' for frame in (a, b) if f'frame_{frame}' not in results]:
            raise KeyError(f'flow_{a}{b} needs {missing[0]!r}, which this sample lacks; frame_t is made by '
                           'TemporalAugmentation, which comes before')  # fmt: skip
        frames = results[f'frame_{a}'], results[f'frame_{b}']
        if np.array_equal(*frames):
            return np.zeros((*frames[0].shape[:2], 2), np.float32)
        keys = results.get('frame_keys') if (a + b).isdigit() else None
        pair = None if keys is None else [(keys[int(a)], keys[int(b)])]
        return self.estimator(*map(_as_input, frames), pair)[0].permute(1, 2, 0).numpy()

    def __repr__(self) -> str:
        return f'{type(self).__name__}({type(self.estimator).__name__}, flows={self.flows})'


@TRANSFORMS.register_module()
class LoadFlow(EstimateFlow):
    """Read flow from a cache of ``tools/precompute_flow.py``; otherwise as ``EstimateFlow``.

    Frames that look otherwise than those that the cache was made from, mirrored for instance, are refused: put random
    steps after this one, in a ``TransformBroadcaster``, which moves the flow with the frames.

    Args:
        root: Folder of the cache.
        online: Config of the ``FlowEstimator`` that made the cache, for what the cache does not have, F_1t among it; or
            None: what is missing is an error.
        flows: As ``EstimateFlow``.

    Raises:
        FileNotFoundError: If ``root`` is no flow cache, or lacks a flow and there is no ``online``.
        ValueError: If a file of the cache does not belong to the frames, or ``online`` did not make it.
    """

    def __init__(self, root: str, online: Mapping[str, Any] | None = None, flows: Sequence[str] | None = None) -> None:
        super().__init__(dict(type='CachedFlow', root=root, online=online), flows)
        self.root = root
        self.online = online


@TRANSFORMS.register_module()
class ClipFlow(EstimateFlow):
    """Flow between two frames on disk, for temporal consistency: as its metric would estimate it, in the data workers.

    Required keys: ``frame_paths``, ``frame_keys``, of two frames. Added keys: ``flow_01``, ``flow_10`` ((H, W, 2),
    float32, pixels), as far as ``flows`` names them.

    Args:
        estimator: Config of a ``FlowEstimator``.
        size: (H, W) that frames are brought to by area interpolation, the metric's ``flow_size``; None: as they are.
        flows: As ``EstimateFlow``.
    """

    def __init__(
        self, estimator: Mapping[str, Any], size: Sequence[int] | None = None, flows: Sequence[str] | None = None
    ) -> None:
        super().__init__(estimator, flows)
        self.size = None if size is None else tuple(size)

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Read the frames and add the flows."""
        for index, path in enumerate(results['frame_paths']):
            results[f'frame_{index}'] = self._resized(read_image(path, colours=FRAME_COLOURS))
        return super().transform(results)

    def _resized(self, frame: np.ndarray) -> np.ndarray:
        if self.size is None or frame.shape[:2] == self.size:
            return frame
        image = torch.from_numpy(frame).permute(2, 0, 1)[None].float()  # not rounded in between
        return F.interpolate(image, size=self.size, mode='area')[0].permute(1, 2, 0).numpy()


def without_flow(pipeline: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Leave out of the config of a pipeline what makes flow or I_t: for those who let the model make it."""
    return [step for step in pipeline if step['type'] not in ('EstimateFlow', 'LoadFlow', 'TemporalAugmentation')]


def _neighbours(results: dict[str, Any]) -> list[str]:
    frames = takewhile(lambda number: f'frame_{number}' in results, count())
    return [name for a, b in pairwise(map(str, frames)) for name in (a + b, b + a)]


def _as_input(frame: np.ndarray) -> Tensor:
    """Give what a flow estimator takes: (1, 3, H, W), RGB, of a frame (H, W, 3), BGR."""
    return torch.from_numpy(np.ascontiguousarray(frame[..., ::-1].transpose(2, 0, 1)))[None]
