"""Tiny methods over a network of two frames, batches for them, and their network in other words."""

import numpy as np
import torch
import torch.nn.functional as F
from equations import normalised
from helpers import MEAN, STD, data_sample, tiny_hrda_cfg, tiny_segmentor_cfg, warp_reference
from mmseg.registry import MODELS

ACCEL_KINDS = ('AccelEncoderDecoder', 'AccelHRDAEncoderDecoder')
CALM = dict(type='StrongAugmentation', blur_prob=0, jitter_prob=0, gray_prob=0)


def two_frame_segmentor_cfg(num_classes=3):
    cfg = tiny_segmentor_cfg(num_classes)
    auxiliary = dict(type='DLV2Head', in_channels=4, num_classes=num_classes, dilations=(1,), in_index=0)
    cfg.update(type='TwoFrameEncoderDecoder', propagation=dict(type='BackwardWarp'), auxiliary_head=auxiliary)
    return cfg


def accel_cfg(kind, **overrides):
    """Config of one of ``ACCEL_KINDS``."""
    cfg = tiny_hrda_cfg() if 'HRDA' in kind else tiny_segmentor_cfg()
    cfg.update(dict(type=kind, propagation=dict(type='BackwardWarp')) | overrides)
    return cfg


AUGMENTATION = dict(type='StrongAugmentation', blur_sigmas=(0.5, 1.0))


def tiny_two_frame(method, num_classes, over_valid_pixels=True, **options):
    """A method of two frames, with losses that are averaged over the valid pixels or over all."""
    segmentor = two_frame_segmentor_cfg(num_classes)
    for head in (segmentor.decode_head, segmentor.auxiliary_head) if over_valid_pixels else ():
        head.loss_decode = dict(type='CrossEntropyLoss', avg_non_ignore=True)
    preprocessor = dict(type='DomainDataPreprocessor', mean=MEAN, std=STD)
    parts = dict(segmentor=segmentor, data_preprocessor=preprocessor, flow_estimator=dict(type='TinyFlow'))
    return MODELS.build(dict(type=method) | parts | options)


def tiny_tps(num_classes=3, **overrides):
    options = dict(augmentation=AUGMENTATION) | overrides
    return tiny_two_frame('TPS', num_classes, over_valid_pixels=False, **options)


def tiny_cmom(num_classes=3, **overrides):
    return tiny_two_frame('CMOM', num_classes, **overrides)


def tiny_quadmix(num_classes=3, **overrides):
    options = dict(augmentation=AUGMENTATION, lambda_tps=0.2, pasted_classes=[2], number=1, threshold=0.4)
    return tiny_two_frame('QuadMix', num_classes, **(options | overrides))


def tiny_davsn(num_classes=3, **overrides):
    judge = dict(type='FCDiscriminator', in_channels=2 * num_classes, base_channels=2)
    cfg = dict(
        type='DAVSN',
        segmentor=two_frame_segmentor_cfg(num_classes) | dict(propagation=dict(type='Splat')),
        data_preprocessor=dict(type='DomainDataPreprocessor', mean=MEAN, std=STD),
        flow_estimator=dict(type='TinyFlow', gain=9.0),
        discriminator=dict(type='DiscriminatorSet', sta=judge, sta_aux=judge, sa=judge, sa_aux=judge),
        loss_gan=dict(type='BinaryCrossEntropyLoss'),
    )
    return MODELS.build(cfg | overrides)


def tiny_fused_mic(num_classes=3, **overrides):
    """Build MIC over HRDA's network of two frames, with a discriminator of two frames and refined labels."""
    cfg = dict(
        type='MIC',
        segmentor=accel_cfg('AccelHRDAEncoderDecoder'),
        data_preprocessor=dict(type='DomainDataPreprocessor', mean=MEAN, std=STD),
        flow_estimator=dict(type='TinyFlow', gain=9.0),
        refinement=dict(type='PseudoLabelRefinement', mode='max_confidence'),
        discriminator=dict(type='FCDiscriminator', in_channels=2 * num_classes, base_channels=2),
        thing_classes=[0, 1],
        min_share=0.3,
        threshold=0.4,
        mask_block=8,
    )
    return MODELS.build(cfg | overrides)


def two_frame_batch(seed=0, size=2, num_classes=3, frames=3, keys=False, patches=False):
    """Give a training batch as the loader does: uint8 BGR frames, labels of the last source frame.

    With ``patches``, a block of a rare class each.
    """
    rng = np.random.default_rng(seed)

    def images(*shape):
        return [torch.from_numpy(rng.integers(0, 256, shape, dtype=np.uint8)) for _ in range(size)]

    labels = torch.from_numpy(rng.integers(0, num_classes, (size, 32, 40)))
    labels[:, :3] = 255
    source_meta = [dict(frame_keys=(f's{i}/0', f's{i}/1')) if keys else {} for i in range(size)]
    target_meta = [dict(frame_keys=tuple(f't{i}/{k}' for k in range(frames))) if keys else {} for i in range(size)]
    batch = dict(
        source=dict(
            inputs=images(2, 3, 32, 40),
            data_samples=[data_sample(label, **meta) for label, meta in zip(labels, source_meta)],
        ),
        target=dict(inputs=images(frames, 3, 32, 48), data_samples=[data_sample(**meta) for meta in target_meta]),
    )
    if patches:
        rare = torch.full((size, 32, 40), 255)
        for i in range(size):
            rare[i, 4 * i + 2 : 4 * i + 12, 5 : 21 + 4 * i] = i % num_classes
        batch['patches'] = dict(inputs=images(3, 32, 40), data_samples=[data_sample(each) for each in rare])
    return batch


def enlarged(x, size):
    """Resize bilinearly with corners aligned."""
    return F.interpolate(x, size, mode='bilinear', align_corners=True)


def fused(network, current, previous, flow):
    """Give the logits of both heads, with the previous frame's moved along the flow."""

    def heads(images):
        features = network.backbone(images)
        return network.decode_head(features), network.auxiliary_head(features)

    levels = heads(current)
    with torch.no_grad():
        before = heads(previous)
    height, width = levels[0].shape[2:]
    scale = torch.tensor([(width - 1) / (flow.shape[3] - 1), (height - 1) / (flow.shape[2] - 1)])
    small = enlarged(flow, (height, width)) * scale.view(2, 1, 1)
    weight = network.sf_layer.weight[..., 0, 0]
    outputs = []
    for now, then in zip(levels, before):
        moved = torch.from_numpy(warp_reference(then.numpy(), small.numpy()))
        outputs.append(torch.einsum('kc,nchw->nkhw', weight, torch.cat((now, moved), dim=1)))
    return outputs


def frames_of(batch, domain, estimator):
    """Give the last two frames as network input, the current one first, and the flow between them."""
    previous, current = torch.stack(batch[domain]['inputs'])[:, -2:].to(torch.get_default_dtype()).flip(2).unbind(1)
    return normalised(current), normalised(previous), estimator(current, previous)
