"""From images to video in one file: I2VDA (Wu et al., ECCV 2022), its Algorithm 1.

    I_t   = alpha * W(I_0, t F_10) + (1 - alpha) * W(I_1, (1 - t) F_01)                    Eq. 2, 3
    L     = CE(p_s, y_s) + lambda_adv * [l(D(p_0), 0) + l(D(p_t), 0)] + lambda_tc * L_tc   Eq. 10, 11
    L_tc  = CE(W(logits_t, F_1t), PL)                                                      Eq. 4, 5, 9
    PL    = argmax p'_1 where E(p'_1) < delta and O, ignored elsewhere                     Eq. 6-8
    L_D   = l(D(p_s), 0) + l(D(p_0), 1) / 2 + l(D(p_t), 1) / 2                             Eq. 12

with l(x, y) = (x - y)^2 and p' the prediction of the proxy M', a copy of the segmentor M. At test time: one frame and
no flow.
"""

from copy import deepcopy
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from i2vda_mmseg.flow import DISFlow
from i2vda_mmseg.ops import consistency_mask, inside, interpolate_frame, normalized_entropy, upsample, warp
from i2vda_mmseg.streetworld import CLASS_NAMES, Frame, render_clip, render_still

CLASSES = len(CLASS_NAMES)
SIZE = (64, 128)


def network() -> nn.Sequential:
    """Logits at a quarter of the size, from RGB in 0..255; any network of yours may stand here."""
    layers: list[nn.Module] = []
    for inputs, outputs, stride, dilation in ((3, 32, 2, 1), (32, 64, 2, 1), (64, 64, 1, 2), (64, 64, 1, 4)):
        layers.append(nn.Conv2d(inputs, outputs, 3, stride, padding=dilation, dilation=dilation))
        layers += [nn.GroupNorm(8, outputs), nn.ReLU(inplace=True)]
    return nn.Sequential(*layers, nn.Conv2d(64, CLASSES, 1))


def predict(net: nn.Module, images: Tensor) -> Tensor:
    """Logits at the size of the images."""
    return upsample(net(images / 127.5 - 1), images.shape[-2:])


def stack(frames: list[Frame]) -> tuple[Tensor, Tensor]:
    """Images (N, 3, H, W), RGB in 0..255, and labels (N, H, W)."""
    images = torch.stack([torch.from_numpy(frame.rgb.copy()).permute(2, 0, 1).float() for frame in frames])
    return images, torch.stack([torch.from_numpy(frame.classes.copy()).long() for frame in frames])


def pick(tensors: tuple[Tensor, ...], batch: int = 2) -> tuple[Tensor, ...]:
    """Draw a batch."""
    chosen = torch.randint(len(tensors[0]), (batch,))
    return tuple(tensor[chosen] for tensor in tensors)


@torch.no_grad()
def miou(net: nn.Module, images: Tensor, labels: Tensor) -> float:
    """Mean IoU in percent over the classes that occur."""
    predicted = torch.cat([predict(net, image[None]).argmax(1) for image in images])
    confusion = torch.bincount(labels.flatten() * CLASSES + predicted.flatten(), minlength=CLASSES**2)
    confusion = confusion.view(CLASSES, CLASSES)
    union = confusion.sum(0) + confusion.sum(1) - confusion.diag()
    return float(100 * (confusion.diag()[union > 0] / union[union > 0]).mean())


def discriminator() -> nn.Sequential:
    """Scores of patches, from probabilities."""
    widths = (CLASSES, 32, 64, 128)
    layers: list[nn.Module] = []
    for inputs, outputs in pairwise(widths):
        layers += [nn.Conv2d(inputs, outputs, 4, stride=2, padding=1), nn.LeakyReLU(0.2, inplace=True)]
    return nn.Sequential(*layers, nn.Conv2d(widths[-1], 1, 4, stride=2, padding=1))


@torch.no_grad()
def pseudo_labels(proxy: nn.Module, frame_1: Tensor, flow_01: Tensor, flow_10: Tensor, delta: float) -> Tensor:
    """What M' is sure of and both frames show, on frame 1's grid: (N, H, W), 255 elsewhere."""
    logits = predict(proxy, frame_1)
    keep = (normalized_entropy(logits) < delta) & consistency_mask(flow_01, flow_10)
    return torch.where(keep, logits.argmax(1), 255)


def main(iterations: int = 600, images: int = 60, lambda_adv: float = 0.02, delta: float = 0.1, seed: int = 0) -> tuple:
    """Train on the source alone, then on both; give mIoU before and after."""
    torch.manual_seed(seed)
    source = stack([render_still((seed, 0, i), SIZE) for i in range(images)])
    clips = [render_clip((seed, 1, i), 2, SIZE) for i in range(images)]
    target = tuple(stack([clip[time] for clip in clips])[0] for time in (0, 1))  # I_0 and I_1, without labels
    test = stack([render_clip((seed, 2, i), 1, SIZE)[0] for i in range(images // 2)])
    net, judge, flow = network(), discriminator(), DISFlow()
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
    judge_optimizer = torch.optim.Adam(judge.parameters(), lr=1e-4, betas=(0.9, 0.99))
    before, proxy = 0.0, deepcopy(net)
    for iteration in range(iterations):
        image_s, label_s = pick(source)
        logits_s = predict(net, image_s)
        loss = F.cross_entropy(logits_s, label_s)
        adapting = iteration >= iterations // 2
        if adapting:
            frame_0, frame_1 = pick(target)
            flow_01, flow_10 = flow(frame_0, frame_1), flow(frame_1, frame_0)
            frame_t = interpolate_frame(frame_0, frame_1, flow_01, flow_10, t=float(torch.rand(())))
            logits_0, logits_t = predict(net, frame_0), predict(net, frame_t)
            flow_1t = flow(frame_1, frame_t)
            labels = pseudo_labels(proxy, frame_1, flow_01, flow_10, delta)
            labels[~inside(flow_1t)] = 255
            judge.requires_grad_(False)  # this step is M's
            loss = loss + lambda_adv * sum(judge(x.softmax(1)).square().mean() for x in (logits_0, logits_t))
            if (labels != 255).any():
                loss = loss + 0.2 * F.cross_entropy(warp(logits_t, flow_1t), labels, ignore_index=255)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if adapting:
            judge.requires_grad_(True)
            loss_dis = judge(logits_s.detach().softmax(1)).square().mean()
            for logits in (logits_0, logits_t):
                loss_dis = loss_dis + (judge(logits.detach().softmax(1)) - 1).square().mean() / 2
            judge_optimizer.zero_grad()
            loss_dis.backward()
            judge_optimizer.step()
        if iteration + 1 == iterations // 2:
            before, proxy = miou(net, *test), deepcopy(net)  # ITER_COPY and ITER_LAUNCH
    return before, miou(net, *test)


if __name__ == '__main__':
    print('mIoU in percent, half-way (source only) and adapted:', main())
