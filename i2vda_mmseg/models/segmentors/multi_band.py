"""The average of several networks, FDA's multi-band transfer."""

from collections.abc import Iterator, Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any

import torch
from mmengine.runner.checkpoint import CheckpointLoader
from mmseg.registry import MODELS
from torch import Tensor, nn

from i2vda_mmseg.models.wrappers import unwrapped

from .base import DomainAdaptiveSegmentor
from .checkpoint import check_fit
from .checkpoint_parts import segmentor_weights, state_of
from .dense_prediction import hold_logits, logits_at_test_time, predict_densely, predicts_whole
from .reading import Reading
from .updates import SegmentorPass


@MODELS.register_module()
class MultiBandSegmentor(DomainAdaptiveSegmentor):
    """Average at test time the probabilities of networks that were trained with different bands (FDA, CVPR 2020).

    The first network is the one of the checkpoint that is tested; the others are read from ``checkpoints`` at the same
    moment. As in the released code, the probabilities are averaged at the resolution of the logits (of the images if
    ``test_cfg`` says 'slide') and then resized as ``resize_logits`` says; ``seg_logits`` of a prediction are their
    logarithm.

    Args:
        segmentor: Config of the ``EncoderDecoder`` that all have in common.
        checkpoints: Checkpoints of the further networks: of methods, or of plain ``EncoderDecoder``s.
        **kwargs: Those of ``DomainAdaptiveSegmentor``.

    Raises:
        FileNotFoundError: When weights are loaded, if a checkpoint is missing.
        ValueError: When weights are loaded, if a checkpoint does not fit the segmentor.
    """

    def __init__(self, segmentor: dict, checkpoints: Sequence[str], **kwargs: Any) -> None:
        super().__init__(deepcopy(segmentor), **kwargs)
        self.checkpoints = tuple(str(path) for path in checkpoints)
        self.bands = nn.ModuleList(MODELS.build(deepcopy(segmentor)) for _ in self.checkpoints)
        for band in self.bands.requires_grad_(False):
            predict_densely(band)

    def segmentor_passes(self, batch: dict[str, Any]) -> Iterator[SegmentorPass]:
        """Refuse to train."""
        raise NotImplementedError('MultiBandSegmentor only tests; train its networks one by one, with FDA')

    def forward(self, inputs: Tensor, data_samples: list | None = None, mode: str = 'tensor') -> Any:
        """Average the networks: probabilities (N, C, h, w) ('tensor'), or data samples ('predict')."""
        networks = [unwrapped(self.segmentor), *self.bands]
        each = [logits_at_test_time(network, inputs).softmax(dim=1) for network in networks]
        probs = torch.stack(each).sum(dim=0) / len(networks)
        if mode == 'tensor':
            return probs
        network = unwrapped(self.segmentor)
        if self.resize_logits == 'twice' or not predicts_whole(network, data_samples):
            probs = self.upsampled(probs, inputs)
        samples = type(network).postprocess_result(network, probs, data_samples)
        return hold_logits(samples, Reading(in_log_space=True))

    def predicted_logits(self, images: Tensor) -> Tensor:
        """Average as in a test: (N, 3, H, W) to (N, C, H, W), the logarithm of the probabilities."""
        probs = self.upsampled(self(images), images)
        return probs.clamp(min=torch.finfo(probs.dtype).tiny).log()

    def _load_from_state_dict(self, state_dict: dict[str, Tensor], prefix: str, *args: Any) -> None:
        if not any(key.startswith(f'{prefix}bands.') for key in state_dict):
            for index, path in enumerate(self.checkpoints):
                weights = _read_segmentor(path, unwrapped(self.segmentor))
                state_dict.update({f'{prefix}bands.{index}.{key}': value for key, value in weights.items()})
        super()._load_from_state_dict(state_dict, prefix, *args)


def _read_segmentor(path: str, network: nn.Module) -> dict[str, Tensor]:
    """Read the weights of ``network`` from a checkpoint of a method or of a plain ``EncoderDecoder``."""
    if not Path(path).is_file():
        raise FileNotFoundError(
            f'model.checkpoints: no checkpoint at {path}; train the bands first (a run of several stages keeps them as '
            'stage_<k>.pth in its work dir), or name others with --cfg-options model.checkpoints=[A,B]'
        )
    content = CheckpointLoader.load_checkpoint(path, map_location='cpu')
    own = {name: value for name, value in network.state_dict().items() if not name.endswith('num_batches_tracked')}
    weights = segmentor_weights(state_of(content, f'model.checkpoints: {path}'))
    check_fit(own, weights, f'model.checkpoints: {path}')
    return {name: weights[name] for name in own}
