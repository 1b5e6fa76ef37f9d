"""What many tests build: tiny networks, batches of two domains, and NumPy references of the geometry.

Height and width always differ, so that a swap of the axes cannot pass.
"""

from copy import deepcopy

import numpy as np
import torch
from mmengine.config import ConfigDict
from mmengine.model import BaseModule
from mmengine.structures import PixelData
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample
from torch import nn

from i2vda_mmseg.engine.optimizers import SeparateOptimWrapperConstructor
from i2vda_mmseg.flow import FlowEstimator

ADVERSARIAL = ('AdaptSegNet', 'AdvEnt', 'I2VDA')
MEAN, STD = (104.0, 116.5, 122.5), (50.0, 60.0, 70.0)  # in the order of the network's channels


@MODELS.register_module(force=True)
class TinyBackbone(BaseModule):
    """One strided convolution and a batch norm: logits of a quarter of the image's sides."""

    def __init__(self, channels=4, init_cfg=None):
        super().__init__(init_cfg)
        self.conv = nn.Conv2d(3, channels, 3, stride=4, padding=1)
        self.norm = nn.BatchNorm2d(channels)

    def forward(self, x):
        return (self.norm(self.conv(x)).relu(),)


@MODELS.register_module(force=True)
class TinyFlow(FlowEstimator):
    """A flow that depends on both frames and on their order, with a parameter, a buffer and a batch norm to lose."""

    def __init__(self, gain=2.0, **kwargs):
        super().__init__(**kwargs)
        self.gain = nn.Parameter(torch.tensor(float(gain)))
        self.norm = nn.BatchNorm2d(3)
        self.calls = []

    def estimate(self, frame_a, frame_b, keys):
        self.calls.append((tuple(frame_a.shape), keys))
        self.norm(frame_a.float())
        difference = (frame_b.float() - frame_a.float()) / 255
        return self.gain * torch.stack((difference[:, 0], difference[:, 1] - 0.2 * difference[:, 2]), dim=1)


def tiny_segmentor_cfg(num_classes=3):
    return ConfigDict(
        type='EncoderDecoder',
        backbone=dict(type='TinyBackbone'),
        decode_head=dict(type='DLV2Head', in_channels=4, num_classes=num_classes, dilations=(1, 2)),
        train_cfg=dict(),
        test_cfg=dict(mode='whole'),
    )


def tiny_hrda_cfg(**overrides):
    head = dict(type='DLV2Head', in_channels=4, num_classes=3, dilations=(1, 2), align_corners=False)
    attention = dict(
        type='ScaleAttentionHead', in_channels=[4], channels=8, num_classes=3, align_corners=False, dropout_ratio=0.0
    )
    return ConfigDict(
        type='HRDAEncoderDecoder',
        backbone=dict(type='TinyBackbone'),
        decode_head=head,
        attention_head=attention,
        detail_size=(16, 24),
        train_cfg=dict(),
        test_cfg=dict(mode='whole'),
        **overrides,
    )


def tiny_method(method, num_classes=3, **overrides):
    """Build a single-level method over ``tiny_segmentor_cfg``."""
    cfg = dict(
        type=method,
        segmentor=tiny_segmentor_cfg(num_classes),
        data_preprocessor=dict(type='DomainDataPreprocessor', mean=MEAN, std=STD),
    )
    if method in ADVERSARIAL:
        cfg.update(discriminator=dict(type='FCDiscriminator', in_channels=num_classes, base_channels=2))
    if method == 'I2VDA':
        cfg.update(
            flow_estimator=dict(type='TinyFlow'),
            pseudo_label_head=dict(type='OcclusionAwarePseudoLabelHead', delta=0.8),
            temporal_augmentation=dict(type='TemporalAugmentation', t=0.3),
        )
    return MODELS.build(cfg | overrides)


def tiny_multi_level_method(method, num_classes=3, **overrides):
    """Build a method that predicts from two heads, each with its discriminator."""
    segmentor = tiny_segmentor_cfg(num_classes)
    auxiliary = dict(type='DLV2Head', in_channels=4, num_classes=num_classes, dilations=(1,), in_index=0)
    segmentor.update(type='MultiLevelEncoderDecoder', auxiliary_head=auxiliary)
    member = dict(type='FCDiscriminator', in_channels=num_classes, base_channels=2)
    if method in ADVERSARIAL:
        overrides['discriminator'] = dict(type='DiscriminatorSet', main=member, aux=member)
        overrides.setdefault('loss_gan', dict(type='BinaryCrossEntropyLoss'))
    return tiny_method(method, num_classes, segmentor=segmentor, **overrides)


def tiny_i2vda(**overrides):
    return tiny_method('I2VDA', **overrides)


def sharpen(model, factor=30.0):
    """Make M and M' differ from each other and sure of some pixels, so that Eq. 8 keeps some and drops some."""
    with torch.no_grad():
        for network in (model.segmentor, getattr(model, 'proxy', None)):
            heads = [getattr(network, name, None) for name in ('decode_head', 'auxiliary_head')]
            for conv in [conv for head in heads if head is not None for conv in head.convs]:
                conv.weight.copy_(factor * 0.01 * torch.randn_like(conv.weight))
    return model


def still_statistics(model):
    """Put the model into training mode but its batch norms into eval mode, so that a forward can be repeated."""
    model.train()
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.eval()
    return model


def ready(model):
    """Confident networks, a proxy unlike M, and forwards that can be repeated."""
    still_statistics(sharpen(model))
    if hasattr(model, 'discriminator'):
        with torch.no_grad():
            for parameter in model.discriminator.parameters():
                parameter.mul_(2)
    return model


def data_sample(labels=None, **meta):
    sample = SegDataSample(metainfo=meta)
    if labels is not None:
        sample.gt_sem_seg = PixelData(data=labels[None])
    return sample


def domain_batch(
    seed=0, size=2, num_classes=3, source_size=(32, 40), target_size=(32, 48), keys=False, pseudo=False, pairs=False
):
    """Give a training batch as the loader does: uint8 BGR images, labels with some ignored pixels.

    With ``pseudo``, the target has labels too; with ``pairs``, the source has the frame before each image.
    """
    rng = np.random.default_rng(seed)

    def image(*shape):
        return torch.from_numpy(rng.integers(0, 256, shape, dtype=np.uint8))

    labels = torch.from_numpy(rng.integers(0, num_classes, (size, *source_size)))
    labels[:, :3] = 255
    pseudo_labels = [torch.from_numpy(rng.integers(0, num_classes, target_size)) if pseudo else None for _ in labels]
    meta = [dict(frame_keys=(f'{i}/a.png', f'{i}/b.png')) if keys else {} for i in range(size)]
    return dict(
        source=dict(
            inputs=[image(*(2,) * pairs, 3, *source_size) for _ in range(size)],
            data_samples=[data_sample(label) for label in labels],
        ),
        target=dict(
            inputs=[image(2, 3, *target_size) for _ in range(size)],
            data_samples=[data_sample(label, **m) for label, m in zip(pseudo_labels, meta)],
        ),
    )


def terms_of(logged):
    """Give the terms that a method learns from, without mmseg's names for their parts (``decode.loss_ce``...)."""
    return {name: value for name, value in logged.items() if '.' not in name}


def batch_of(model, **options):
    """Give a training batch as it leaves the model's preprocessor."""
    return model.data_preprocessor(domain_batch(**options), training=True)


def optimizers(model, lr=0.1, **cfg):
    """Build plain SGD for each trained network, through the package's constructor."""
    inner = getattr(model, 'module', model)  # of a DDP wrapper
    names = [name for name in ('segmentor', 'discriminator') if hasattr(inner, name)]
    return SeparateOptimWrapperConstructor({name: dict(optimizer=dict(type='SGD', lr=lr)) | cfg for name in names})(
        model
    )


def state_of(module):
    """Copy all parameters and buffers."""
    return deepcopy({**dict(module.named_parameters()), **dict(module.named_buffers())})


def assert_same_state(module, state):
    now = state_of(module)
    assert now.keys() == state.keys()
    moved = [name for name in now if not torch.equal(now[name], state[name])]
    assert moved == []


def constant_flow(u, v, height, width, batch=1, dtype=torch.float32):
    return torch.tensor([u, v], dtype=dtype).view(1, 2, 1, 1).repeat(batch, 1, height, width)


def random_flow(rng, magnitude, *shape):
    """Draw a flow of independent values up to ``magnitude`` pixels of both signs; ``shape`` is (N, H, W)."""
    batch, height, width = shape
    return magnitude * (2 * rng.random((batch, 2, height, width)) - 1)


def warp_reference(x, flow, padding_mode='border'):
    """Bilinear backward warping as a sum of tent functions over all pixels; x (N, C, H, W), flow (N, 2, H, W)."""
    height, width = x.shape[-2:]
    column = np.arange(width) + flow[:, 0]
    row = np.arange(height)[:, None] + flow[:, 1]
    if padding_mode == 'border':
        column, row = column.clip(0, width - 1), row.clip(0, height - 1)
    weight_x = np.maximum(0, 1 - np.abs(column[..., None] - np.arange(width)))
    weight_y = np.maximum(0, 1 - np.abs(row[..., None] - np.arange(height)))
    return np.einsum('nckl,nijk,nijl->ncij', x, weight_y, weight_x)


def entropy_reference(logits):
    """Eq. 6, from probabilities; logits (N, C, H, W)."""
    exponential = np.exp(logits - logits.max(1, keepdims=True))
    probs = exponential / exponential.sum(1, keepdims=True)
    terms = np.where(probs > 0, probs * np.log(np.where(probs > 0, probs, 1)), 0)
    return -terms.sum(1) / np.log(logits.shape[1])


def consistency_reference(flow_01, flow_10, eta, frame):
    """Eq. 7 on either grid, with the L2 norm."""
    there, back = (flow_10, flow_01) if frame == '1' else (flow_01, flow_10)
    return np.sqrt(((warp_reference(back, there) + there) ** 2).sum(1)) < eta
