"""A network that sees a picture twice: all of it at half the resolution, and its details."""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import torch
from mmengine.structures import PixelData
from mmseg.models import EncoderDecoder
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample
from torch import Tensor, nn

from i2vda_mmseg.errors import ConfigError
from i2vda_mmseg.ops import upsample
from i2vda_mmseg.ops.multi_resolution import Box, averaged, fused, windows

_SCALE = 2  # of the details over the context


@MODELS.register_module()
class HRDAEncoderDecoder(EncoderDecoder):
    """Context and detail by one encoder and decoder, fused by scale attention (HRDA, Hoyer et al., ECCV 2022).

    In training one random box of the image is seen at full resolution, another in each pass; the losses are
    ``(1 - detail_weight)`` times that of the fused prediction and ``detail_weight`` times that of the detail alone. In
    its tests, and as a teacher, windows of ``detail_size`` that overlap by half cover the image; where they overlap,
    their logits are averaged. For images larger than those of the training, slide over them with ``test_cfg``.

    Args:
        attention_head: Config of the ``ScaleAttentionHead``.
        detail_size: (H, W) of a detail, in pixels; of an image no larger than that, all of it.
        detail_weight: Weight of the detail's own loss.
        output_stride: Pixels for each logit of ``decode_head``; 4 for a MiT, 8 for a dilated ResNet.
        **kwargs: Those of mmseg's ``EncoderDecoder``; no ``auxiliary_head``.

    Raises:
        ConfigError: If a size is no multiple of twice the stride, or there is an auxiliary head.
    """

    predicts_densely = True

    def __init__(
        self,
        attention_head: dict,
        detail_size: Sequence[int] = (512, 512),
        detail_weight: float = 0.1,
        output_stride: int = 4,
        **kwargs: Any,
    ) -> None:
        if kwargs.get('auxiliary_head') is not None:
            raise ConfigError('model.segmentor.auxiliary_head: HRDAEncoderDecoder takes none; leave it out')
        super().__init__(**kwargs)
        self.attention_head: nn.Module = MODELS.build(attention_head)
        self.detail_size = (detail_size[0], detail_size[1])
        self.detail_weight = detail_weight
        self.output_stride = output_stride
        self._kept_boxes: dict[tuple[int, ...], Box] | None = None
        self._check_size('model.segmentor.detail_size', self.detail_size)
        if self.attention_head.out_channels != self.num_classes:
            raise ConfigError(
                f'model.segmentor.attention_head.num_classes: {self.attention_head.out_channels}, and decode_head has '
                f'{self.num_classes}'
            )

    @property
    def step(self) -> int:
        """Pixels between the places where a detail may lie: a cell of the context's logits."""
        return _SCALE * self.output_stride

    def _check_size(self, what: str, size: Sequence[int]) -> None:
        if any(side % self.step for side in size):
            raise ConfigError(f'{what}: {tuple(size)} must be multiples of {self.step}, twice output_stride')

    def loss(self, inputs: Tensor, data_samples: list[SegDataSample]) -> dict[str, Tensor]:
        """Learn from labels: the losses of the detail, and of the fused prediction."""
        box = self.draw_box(inputs.shape[-2:])
        prediction, detail = self.logits_in_box(inputs, box)
        cropped = [_cropped(sample, box) for sample in data_samples]
        fine = self.decode_head.loss_by_feat(detail, cropped)
        # the fused prediction last: what the heads showed last is what the network predicts
        coarse = self.decode_head.loss_by_feat(prediction, data_samples)
        return _weighted(coarse, 1 - self.detail_weight, 'decode') | _weighted(fine, self.detail_weight, 'detail')

    def _forward(self, inputs: Tensor, data_samples: list | None = None) -> Tensor:
        """Predict: (N, 3, H, W) to fused logits (N, classes, H / stride, W / stride)."""
        if self.training:
            return self.logits_in_box(inputs, self.draw_box(inputs.shape[-2:]))[0]
        size = inputs.shape[-2:]
        whole = [-(-side // self.step) * self.step for side in size]
        if list(size) == whole:
            return self.logits_in_windows(inputs)
        padding = (0, whole[1] - size[1], 0, whole[0] - size[0])
        padded = nn.functional.pad(inputs, padding, mode='replicate')
        logits = upsample(self.logits_in_windows(padded), whole, self.align_corners)
        return logits[..., : size[0], : size[1]]

    def encode_decode(self, inputs: Tensor, batch_img_metas: list[dict]) -> Tensor:
        """Predict at the size of the images, (N, classes, H, W)."""
        return upsample(self._forward(inputs), inputs.shape[-2:], self.align_corners)

    def logits_in_box(self, inputs: Tensor, box: Box) -> tuple[Tensor, Tensor]:
        """Predict with one detail: the whole, (N, classes, H / stride, W / stride), and the detail alone."""
        low, attention = self.context(inputs)
        detail = self.detail(inputs, box)
        scaled = box.scaled(self.output_stride)
        return fused(low, detail, attention, scaled, self.align_corners), detail

    def logits_in_windows(self, inputs: Tensor) -> Tensor:
        """Predict with details everywhere: (N, classes, H / stride, W / stride)."""
        low, attention = self.context(inputs)
        boxes = windows(inputs.shape[-2:], self.detail_size)
        details = [self.detail(inputs, box) for box in boxes]
        grid = [side // self.output_stride for side in inputs.shape[-2:]]
        detail = averaged(details, [box.scaled(self.output_stride) for box in boxes], grid)
        return fused(low, detail, attention, align_corners=self.align_corners)

    @contextmanager
    def same_box(self) -> Iterator[None]:
        """Look at one place in all passes of this context: where the first of them, of that size, has drawn it."""
        before, self._kept_boxes = self._kept_boxes, {}
        try:
            yield
        finally:
            self._kept_boxes = before

    def draw_box(self, size: Sequence[int]) -> Box:
        """Draw where the detail lies, from torch's global CPU generator: multiples of a cell of the context's logits.

        As in the released code, the last place of all is never drawn where there is another. Within ``same_box`` it is
        drawn once.
        """
        if self._kept_boxes is None:
            return self._drawn_box(size)
        key = tuple(size)
        if key not in self._kept_boxes:
            self._kept_boxes[key] = self._drawn_box(size)
        return self._kept_boxes[key]

    def _drawn_box(self, size: Sequence[int]) -> Box:
        self._check_size('the images that model.segmentor learns from', size)
        sides = [min(part, side) for part, side in zip(self.detail_size, size)]
        places = [max(1, (side - part + 1) // self.step) for side, part in zip(size, sides)]
        top, left = (self.step * int(torch.randint(count, ())) for count in places)
        return Box(top, top + sides[0], left, left + sides[1])

    def context(self, inputs: Tensor) -> tuple[Tensor, Tensor]:
        """Predict the whole image at half its resolution: logits and attention, (N, classes, H / step, W / step)."""
        features = self.extract_feat(self.context_image(inputs))
        grid = [side // self.step for side in inputs.shape[-2:]]
        attention = self.attention_head(features).sigmoid()
        return self._on_grid(self.decode_head(features), grid), self._on_grid(attention, grid)

    @staticmethod
    def context_size(size: Sequence[int]) -> list[int]:
        """Give half the sides of an image."""
        return [side // _SCALE for side in size]

    @classmethod
    def context_image(cls, inputs: Tensor) -> Tensor:
        """Give the image at half its resolution."""
        size = cls.context_size(inputs.shape[-2:])
        return nn.functional.interpolate(inputs, size, mode='bilinear', align_corners=False)

    def detail(self, inputs: Tensor, box: Box) -> Tensor:
        """Predict a part of the image at its full resolution, (N, classes, h / stride, w / stride)."""
        logits = self.decode_head(self.extract_feat(box.cut(inputs)))
        return self._on_grid(logits, [(end - start) // self.output_stride for start, end in (box[:2], box[2:])])

    def _on_grid(self, logits: Tensor, grid: Sequence[int]) -> Tensor:
        """Bring logits to the grid on which boxes lie: a backbone that rounds up gives a row or column more."""
        if any(abs(have - want) > 1 for have, want in zip(logits.shape[-2:], grid)):
            raise ConfigError(
                f'model.segmentor.output_stride: {self.output_stride}, but the head gives {tuple(logits.shape[-2:])} '
                f'logits where it would give {tuple(grid)}'
            )
        return logits if list(logits.shape[-2:]) == list(grid) else upsample(logits, grid, self.align_corners)


def same_detail(network: Any) -> AbstractContextManager:
    """Look at one detail in all passes of this context, with a network that sees details."""
    return network.same_box() if isinstance(network, HRDAEncoderDecoder) else nullcontext()


def _cropped(sample: SegDataSample, box: Box) -> SegDataSample:
    """Cut labels, and their weights, out of a sample."""
    cropped = SegDataSample(metainfo=sample.metainfo)
    for name in ('gt_sem_seg', 'loss_weight'):
        if name in sample:
            cropped.set_field(PixelData(data=box.cut(getattr(sample, name).data)), name)
    return cropped


def _weighted(terms: dict[str, Any], weight: float, prefix: str) -> dict[str, Any]:
    """Weigh what is learnt from, under mmseg's names."""
    return {
        f'{prefix}.{key}': value * weight if 'loss' in key and value is not None else value
        for key, value in terms.items()
    }
