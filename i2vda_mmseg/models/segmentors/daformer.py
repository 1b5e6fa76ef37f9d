"""DAFormer's training: DACS with the features of the initial network kept for things."""

import logging
from collections.abc import Sequence
from copy import deepcopy
from typing import Any

import torch
from mmengine.logging import print_log
from mmseg.registry import MODELS
from torch import Tensor

from i2vda_mmseg.errors import ConfigError
from i2vda_mmseg.models.wrappers import unwrapped
from i2vda_mmseg.ops import feature_distance, majority_labels

from .dacs import DACS
from .hrda_encoder_decoder import HRDAEncoderDecoder
from .supervision import Supervision

_REFERENCE = 'reference.'


@MODELS.register_module()
class DAFormer(DACS):
    """Self-training of Hoyer et al., CVPR 2022, on any segmentor; with a MiT and ``DAFormerHead`` it is theirs.

    Beside DACS: the last feature map of the encoder stays near that of the initial encoder where source pixels are
    *things*, ``loss_fd`` (their Eq. 11-13). Rare class sampling is ``rare_class_sampling`` of the data set, warm-up the
    schedule, and pixels without pseudo-labels ``margins`` or ``MarkMargins``.

    The initial encoder, ``reference``, has the weights of the backbone's ``init_cfg`` (ImageNet's). Without one, it
    has those that ``load_from`` starts the run with. It is in eval mode, and in checkpoints.

    Args:
        segmentor: Config of an ``EncoderDecoder``.
        thing_classes: Indices of the things; a config with a ``class_space`` may name them. None: no feature distance.
        lambda_fd: Weight of ``loss_fd``.
        min_share: Least share of its most frequent label that a cell of the feature map needs to count.
        **kwargs: Those of ``DACS``.

    Raises:
        ConfigError: If a thing class is none of the classes, or the segmentor has no backbone to compare.
    """

    def __init__(
        self,
        segmentor: dict,
        thing_classes: Sequence[int] | None = None,
        lambda_fd: float = 0.005,
        min_share: float = 0.75,
        **kwargs: Any,
    ) -> None:
        super().__init__(segmentor, **kwargs)
        if wrong := [index for index in thing_classes or () if index not in range(self.num_classes)]:
            raise ConfigError(f'model.thing_classes: {wrong} are no indices of the {self.num_classes} classes')
        self.thing_classes = None if thing_classes is None else tuple(thing_classes)
        self.lambda_fd = lambda_fd
        self.min_share = min_share
        self.loss_weights['loss_fd'] = lambda_fd
        if self.thing_classes is not None:
            reference: Any = deepcopy(self._backbone())
            reference.is_init = True  # it gets the weights of the backbone, which are read once
            reference.requires_grad_(False).eval()  # a ResNet of mmseg's gives nothing back
            self.reference = reference

    def _backbone(self) -> Any:
        network: Any = unwrapped(self.segmentor)
        if getattr(network, 'backbone', None) is None:
            raise ConfigError(
                f'model.thing_classes: loss_fd compares feature maps of a backbone, and {type(network).__name__} has '
                'none of its own; leave it out with model.thing_classes=None'
            )
        return network.backbone

    def init_weights(self) -> None:
        """Initialise the weights, and keep the encoder as it is now."""
        super().init_weights()
        if self.thing_classes is not None:
            self.reference.load_state_dict(self._backbone().state_dict())

    def check_run(self) -> None:
        """Say that the distance to features that nobody has trained means nothing."""
        super().check_run()
        if self.thing_classes is not None and not self.was_loaded and not self._names_weights():
            print_log(
                'model.thing_classes: loss_fd keeps the features of things near those of the initial encoder, whose '
                'weights are random in this run, so that it holds training back. Give model.segmentor.backbone its '
                "pretrained weights (init_cfg=dict(type='Pretrained', checkpoint=FILE), or pretrained=), start from a "
                'checkpoint with load_from, or leave it out with model.thing_classes=None',
                logger='current',
                level=logging.WARNING,
            )

    def train(self, mode: bool = True) -> Any:
        """Set the mode; the reference stays in eval mode."""
        super().train(mode)
        if self.thing_classes is not None:
            self.reference.eval()
        return self

    def source_losses(self, source: dict[str, Any], supervision: Supervision) -> dict[str, Tensor]:
        """Compare the last feature map of the source images with that of the initial encoder."""
        if self.thing_classes is None:
            return {}
        features = supervision.encoded[-1].float()
        with torch.no_grad():
            reference = self.reference_features(source['inputs'][:, :3]).float()  # of a pair: the current frame
            labels = majority_labels(source['labels'], reference.shape[-2:], self.num_classes, self.min_share)
        return dict(loss_fd=feature_distance(features, reference, labels, self.thing_classes))

    def reference_features(self, images: Tensor) -> Tensor:
        """Give the last feature map of the initial encoder; of what the student's context is, where it has one."""
        network = unwrapped(self.segmentor)
        seen = network.context_image(images) if isinstance(network, HRDAEncoderDecoder) else images
        return self.reference(seen)[-1]

    def _load_from_state_dict(self, state_dict: dict[str, Tensor], prefix: str, *args: Any) -> None:
        """Take the encoder of a checkpoint without a reference as the initial one, unless the config names weights."""
        if self.thing_classes is not None and not any(key.startswith(prefix + _REFERENCE) for key in state_dict):
            keeps = self._names_weights()
            state_dict.update(self._initial_encoder(state_dict, prefix, keeps))
            origin = "the backbone's own weights" if keeps else 'the checkpoint that the run starts with'
            print_log(f'the initial encoder of loss_fd is that of {origin}', logger='current')
        super()._load_from_state_dict(state_dict, prefix, *args)

    def _initial_encoder(self, state_dict: dict[str, Tensor], prefix: str, keeps: bool) -> dict[str, Tensor]:
        if keeps:
            return {f'{prefix}{_REFERENCE}{name}': value for name, value in self.reference.state_dict().items()}
        starts = (f'{prefix}segmentor.backbone.', f'{prefix}backbone.')  # of a method, or a plain EncoderDecoder
        found = [(key, start) for key in state_dict for start in starts if key.startswith(start)]
        return {f'{prefix}{_REFERENCE}{key.removeprefix(start)}': state_dict[key] for key, start in found}

    def _names_weights(self) -> bool:
        """Whether the config gives the backbone weights to start with."""
        backbone = self._backbone()
        init_cfg = getattr(backbone, 'init_cfg', None) or {}
        cfgs = init_cfg if isinstance(init_cfg, list) else [init_cfg]
        return any(cfg.get('type') == 'Pretrained' for cfg in cfgs) or bool(getattr(backbone, 'pretrained', None))
