"""Eq. 1-12 of a whole iteration, written anew with other means than the package: ``grid_sample``, loops, autograd."""

import numpy as np
import torch
import torch.nn.functional as F
from helpers import MEAN, STD, consistency_reference, entropy_reference


def warped(x, flow):
    """Backward warping with border padding, differentiable and independent of ``ops``."""
    height, width = x.shape[-2:]
    column = (torch.arange(width) + flow[:, 0]).clamp(0, width - 1)
    row = (torch.arange(height)[:, None] + flow[:, 1]).clamp(0, height - 1)
    grid = torch.stack((2 * column / (width - 1) - 1, 2 * row / (height - 1) - 1), dim=-1)
    return F.grid_sample(x.double(), grid.double(), padding_mode='border', align_corners=True).float()


def normalised(rgb):
    """RGB 0..255 to network input: BGR, minus the mean, over the standard deviation."""
    return (rgb.flip(1) - torch.tensor(MEAN).view(3, 1, 1)) / torch.tensor(STD).view(3, 1, 1)


def predicted(network, images):
    logits = network(images, mode='tensor')
    return F.interpolate(logits, images.shape[-2:], mode='bilinear', align_corners=True)


def source_of(batch):
    images = torch.stack(batch['source']['inputs']).float().flip(1)
    labels = torch.stack([sample.gt_sem_seg.data[0] for sample in batch['source']['data_samples']])
    return normalised(images), labels


def frames_of(batch):
    """I_0 and I_1, RGB 0..255."""
    return torch.stack(batch['target']['inputs']).float().flip(2).unbind(1)


def pseudo_label(model, frame_1, flow_01, flow_10, flow_1t, ignore_outside=True):
    """Eq. 6-8, and the pixels that leave the frame on the way to I_t."""
    logits = predicted(model.proxy, normalised(frame_1)).detach().numpy()
    head = model.pseudo_label_head
    keep = entropy_reference(logits) < head.delta
    keep &= consistency_reference(flow_01.numpy(), flow_10.numpy(), head.eta, head.frame)
    column = np.arange(flow_1t.shape[3]) + flow_1t[:, 0].numpy()
    row = np.arange(flow_1t.shape[2])[:, None] + flow_1t[:, 1].numpy()
    if ignore_outside:
        keep &= (column >= 0) & (column <= flow_1t.shape[3] - 1) & (row >= 0) & (row <= flow_1t.shape[2] - 1)
    return torch.from_numpy(np.where(keep, logits.argmax(1), 255))


def i2vda_terms(model, batch, t=0.3, flow_1t='estimate', augmented=True, ignore_outside=True):
    """The terms of Eq. 9-12 and the share of pseudo-labels, each as a graph over the parameters of M and D."""
    images, labels = source_of(batch)
    frame_0, frame_1 = frames_of(batch)
    flow = model.flow_estimator
    flow_01, flow_10 = flow(frame_0, frame_1), flow(frame_1, frame_0)
    frame_t, f_1t = frame_0, flow_10
    if augmented:
        frame_t = (warped(frame_0, t * flow_10) + warped(frame_1, (1 - t) * flow_01)) / 2
        f_1t = flow(frame_1, frame_t) if flow_1t == 'estimate' else (1 - t) * flow_10
    logits_s, logits_0, logits_t = (
        predicted(model.segmentor, x) for x in (images, normalised(frame_0), normalised(frame_t))
    )
    p_s, p_0, p_t = (logits.softmax(1) for logits in (logits_s, logits_0, logits_t))
    discriminator = model.discriminator
    labels_1 = pseudo_label(model, frame_1, flow_01, flow_10, f_1t, ignore_outside)
    return dict(
        loss_seg=F.cross_entropy(logits_s, labels, ignore_index=255),
        loss_adv=(discriminator(p_0) - 0).pow(2).mean() + (discriminator(p_t) - 0).pow(2).mean(),
        loss_tc=F.cross_entropy(warped(logits_t, f_1t), labels_1, ignore_index=255),
        pseudo_label_ratio=(labels_1 != 255).float().mean(),
        loss_dis=(discriminator(p_s.detach()) - 0).pow(2).mean()
        + (discriminator(p_0.detach()) - 1).pow(2).mean() / 2
        + (discriminator(p_t.detach()) - 1).pow(2).mean() / 2,
    )


def least_squares(scores, label):
    return (scores - label).pow(2).mean()


def binary_cross_entropy(scores, label):
    probs = scores.double().sigmoid()
    return -(label * probs.log() + (1 - label) * (1 - probs).log()).mean().float()


def self_information(logits):
    """AdvEnt's weighted self-information, to base 2 as in its paper."""
    probs = logits.softmax(1)
    return -probs * torch.log2(probs + 1e-30) / np.log2(logits.shape[1])


def softmax(logits):
    return logits.softmax(1)


def heads_of(model, images):
    """Upsampled logits of each head, by the suffix of its terms."""
    output = model.segmentor(images, mode='tensor')
    outputs = (output,) if torch.is_tensor(output) else output
    size = images.shape[-2:]
    return {
        suffix: F.interpolate(logits, size, mode='bilinear', align_corners=True)
        for suffix, logits in zip(('', '_aux'), outputs)
    }


def adversarial_terms(model, batch, judged=softmax, criterion=least_squares):
    """AdaptSegNet's terms, and with ``judged=self_information`` AdvEnt's, for each head."""
    images, labels = source_of(batch)
    source, target = heads_of(model, images), heads_of(model, normalised(frames_of(batch)[1]))
    members = getattr(model.discriminator, 'members', {'main': model.discriminator})
    terms = {}
    for suffix in source:
        discriminator = members[suffix.strip('_') or 'main']
        p_s, p_1 = judged(source[suffix]), judged(target[suffix])
        terms[f'loss_seg{suffix}'] = F.cross_entropy(source[suffix], labels, ignore_index=255)
        terms[f'loss_adv{suffix}'] = criterion(discriminator(p_1), 0)
        terms[f'loss_dis{suffix}'] = (
            criterion(discriminator(p_s.detach()), 0) / 2 + criterion(discriminator(p_1.detach()), 1) / 2
        )
    return terms


def minent_terms(model, batch):
    images, labels = source_of(batch)
    source, target = heads_of(model, images), heads_of(model, normalised(frames_of(batch)[1]))
    seg = {f'loss_seg{suffix}': F.cross_entropy(x, labels, ignore_index=255) for suffix, x in source.items()}
    return seg | {f'loss_ent{suffix}': self_information(x).sum(1).mean() for suffix, x in target.items()}


def source_only_terms(model, batch):
    images, labels = source_of(batch)
    return {
        f'loss_seg{suffix}': F.cross_entropy(logits, labels, ignore_index=255)
        for suffix, logits in heads_of(model, images).items()
    }
