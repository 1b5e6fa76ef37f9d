"""Whole segmentors of Hugging Face's transformers."""

from typing import Any

import torch
from mmengine.model import initialize
from mmseg.models.segmentors.base import BaseSegmentor
from mmseg.registry import MODELS
from torch import Tensor

from i2vda_mmseg.errors import ConfigError
from i2vda_mmseg.models.backbones.hf_backbone import transformers
from i2vda_mmseg.ops import IGNORE_INDEX, upsample

from .pixel_weights import weights_of


@MODELS.register_module()
class HFSegmentor(BaseSegmentor):
    """A ``AutoModelForSemanticSegmentation`` (SegFormer, UPerNet, DPT...) in the place of an ``EncoderDecoder``.

    It learns by cross entropy over the labelled pixels, which labels with weights count in that much. Auxiliary heads
    of transformers are not trained.

    Args:
        config: ``model_type`` and what its configuration takes: sizes, and a ``backbone_config`` where it has one.
        num_classes: Number of classes.
        pretrained: Folder or name on the hub of the weights; None: random ones. A head of another number of classes
            starts from random weights.
        loss_decode: Config of the loss.
        data_preprocessor: mmseg's, for use outside a method.
        train_cfg: None or empty, for there is nothing to set.
        test_cfg: ``dict(mode='whole')`` or None: images are tested whole.
        init_cfg: mmengine's, of weights that are to replace those that transformers drew or loaded.

    Raises:
        ConfigError: If ``train_cfg`` or ``test_cfg`` asks for something else.
    """

    align_corners = False
    weighs_pixels = True  # as self-training needs it, without a head of mmseg's

    def __init__(
        self,
        config: dict,
        num_classes: int,
        pretrained: str | None = None,
        loss_decode: dict | None = None,
        data_preprocessor: dict | None = None,
        train_cfg: dict | None = None,
        test_cfg: dict | None = None,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(data_preprocessor=data_preprocessor, init_cfg=init_cfg)
        if train_cfg:
            raise ConfigError(f'model.segmentor.train_cfg: HFSegmentor has no such settings, got {dict(train_cfg)}')
        if test_cfg and test_cfg.get('mode', 'whole') != 'whole':
            raise ConfigError(f"model.segmentor.test_cfg.mode: HFSegmentor tests images 'whole', got {dict(test_cfg)}")
        library, config = transformers(), dict(config)
        kind = library.AutoModelForSemanticSegmentation
        settings = library.AutoConfig.for_model(config.pop('model_type'), num_labels=num_classes, **config)
        if pretrained is None:
            self.model = kind.from_config(settings)
        else:
            self.model = kind.from_pretrained(pretrained, config=settings, ignore_mismatched_sizes=True)
        self.num_classes = self.out_channels = num_classes
        self.loss_decode = MODELS.build(loss_decode or dict(type='CrossEntropyLoss', avg_non_ignore=True))

    def init_weights(self) -> None:
        """Keep the weights that transformers drew or loaded, but for those that ``init_cfg`` gives."""
        if self.init_cfg and not self.is_init:
            initialize(self, self.init_cfg)
        self._is_init = True

    def extract_feat(self, inputs: Tensor) -> Tensor:
        """Give the logits (N, C, h, w) of images (N, 3, H, W), for there are no features apart from the head's."""
        return self.model(inputs).logits

    def encode_decode(self, inputs: Tensor, batch_img_metas: list[dict]) -> Tensor:
        """Predict whole images: (N, 3, H, W) to logits (N, C, H, W)."""
        return upsample(self.extract_feat(inputs), inputs.shape[-2:], self.align_corners)

    def loss(self, inputs: Tensor, data_samples: list) -> dict[str, Tensor]:
        """Compare with the labels, as ``decode.loss_ce``."""
        logits = upsample(self.extract_feat(inputs).float(), inputs.shape[-2:], self.align_corners)
        labels = torch.stack([sample.gt_sem_seg.data[0] for sample in data_samples])
        weights = weights_of(data_samples)
        return {'decode.loss_ce': self.loss_decode(logits, labels, weight=weights, ignore_index=IGNORE_INDEX)}

    def predict(self, inputs: Tensor, data_samples: list | None = None) -> Any:
        """Predict as mmseg's segmentors do, resized to the labels' size."""
        return self.postprocess_result(self.encode_decode(inputs, []), data_samples)

    def _forward(self, inputs: Tensor, data_samples: list | None = None) -> Tensor:
        return self.extract_feat(inputs)
