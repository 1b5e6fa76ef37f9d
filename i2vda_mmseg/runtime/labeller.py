"""From frames of a video to labels of their size, by an exported network."""

from collections.abc import Sequence
from importlib import import_module
from typing import Any

import numpy as np

from .card import ModelCard
from .networks import ExportedNetwork
from .scores import best_labels, nearest_labels, resize_scores, softmax


class FrameLabeller:
    """Labels frames as the config of the network tests them: resized to its test size, and labels of the frame's size.

    Args:
        network: What ``open_network`` gives.
        size: (width, height) that frames are resized to; None: as its config tests, which may be the frame's own.
        as_is: Whether frames go in as they are.

    Attributes:
        palette: One RGB colour a class, in 0..255.
    """

    def __init__(self, network: ExportedNetwork, size: tuple[int, int] | None = None, as_is: bool = False) -> None:
        card = network.card
        if size is not None:
            card = card._replace(test_size=size, keep_ratio=False)
        self.network, self._card = network, card._replace(test_size=None) if as_is else card
        self.palette = [list(colour) for colour in card.palette]

    def begin_clip(self) -> None:
        """Nothing: each frame is labelled by itself."""

    def __call__(self, frame: np.ndarray) -> np.ndarray:
        """Label a frame (H, W, 3), uint8, BGR: (H, W), uint8, class indices."""
        return self.label([frame])[0]

    def label(self, frames: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Label frames (H, W, 3), uint8, BGR, of one size, in one batch: (H, W), uint8, class indices, of each."""
        size = frames[0].shape[:2]
        outputs = self._run(frames)
        if 'labels' in outputs and (outputs['labels'].shape[1:] == size or len(outputs) == 1):
            return [nearest_labels(labels, size) for labels in outputs['labels']]
        scores = outputs.get('logits', outputs.get('probs'))
        assert scores is not None
        return [best_labels(self._fitted(score, size)) for score in scores]

    def probabilities(self, frame: np.ndarray) -> np.ndarray:
        """Give the probabilities of the classes: (C, H, W), float32, from a frame (H, W, 3), uint8, BGR.

        Raises:
            ValueError: If the network was exported with labels alone.
        """
        return self.probabilities_of([frame])[0]

    def probabilities_of(self, frames: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Give the probabilities of frames (H, W, 3), uint8, BGR, of one size, in one batch: (C, H, W) of each.

        Raises:
            ValueError: If the network was exported with labels alone.
        """
        self.require_scores()
        outputs, size = self._run(frames), frames[0].shape[:2]
        if 'logits' in outputs:
            return [softmax(self._fitted(logits, size)) for logits in outputs['logits']]
        return [self._fitted(probs, size) for probs in outputs['probs']]

    def require_scores(self) -> None:
        """Raise ValueError if the network was exported with labels alone."""
        if not {'logits', 'probs'} & set(self.network.card.outputs):
            raise ValueError(f'{self.network.path} gives labels alone; export it with --output logits or probs')

    def _run(self, frames: Sequence[np.ndarray]) -> dict[str, np.ndarray]:
        resized = [resize_frame(frame, self._card) for frame in frames]
        batch = np.empty((len(resized), 3, *resized[0].shape[:2]), np.uint8)
        for place, image in zip(batch, resized):
            for channel in range(3):  # RGB of BGR; four times as fast as stacking transposed frames
                place[channel] = image[..., 2 - channel]
        return self.network(batch)

    def _fitted(self, scores: np.ndarray, size: tuple[int, int]) -> np.ndarray:
        return scores if scores.shape[1:] == size else resize_scores(scores, size, self._card.align_corners)


def resize_frame(frame: np.ndarray, card: ModelCard) -> np.ndarray:
    """Resize a frame (H, W, 3), uint8, as the config of the network does; mmcv's ``Resize``, without mmcv."""
    height, width = frame.shape[:2]
    if card.test_size is None:
        return frame
    wide, high = card.test_size
    if card.keep_ratio:
        scale = min(max(wide, high) / max(width, height), min(wide, high) / min(width, height))
        wide, high = int(width * scale + 0.5), int(height * scale + 0.5)
    if (width, height) == (wide, high):
        return frame
    library, method = card.interpolation.split()
    if library == 'pillow':
        pillow: Any = import_module('PIL.Image')  # where nothing is resized, it is not needed
        return np.asarray(pillow.fromarray(frame).resize((wide, high), pillow.Resampling[method.upper()]))
    opencv: Any = import_module('cv2')
    return opencv.resize(frame, (wide, high), interpolation=getattr(opencv, f'INTER_{_OPENCV[method]}'))


_OPENCV = dict(nearest='NEAREST', bilinear='LINEAR', bicubic='CUBIC', area='AREA', lanczos='LANCZOS4')
