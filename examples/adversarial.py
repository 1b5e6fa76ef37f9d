"""Adversarial adaptation in one file: AdaptSegNet (Tsai et al., CVPR 2018), and AdvEnt (Vu et al., CVPR 2019).

    L   = CE(p_s, y_s) + lambda_adv * l(D(p_t), 0)                a segmentor that deceives D,
    L_D = l(D(p_s), 0) / 2 + l(D(p_t), 1) / 2                     and D, which tells source (0) from target (1)

with l(x, y) = (x - y)^2. AdvEnt shows D the weighted self-information of p in place of p.
"""

from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from i2vda_mmseg.ops import self_information, upsample
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


def main(
    iterations: int = 600, images: int = 60, lambda_adv: float = 0.02, entropy: bool = False, seed: int = 0
) -> tuple:
    """Train on the source alone, then against D; give mIoU before and after."""
    torch.manual_seed(seed)
    source = stack([render_still((seed, 0, i), SIZE) for i in range(images)])
    target = stack([render_clip((seed, 1, i), 1, SIZE)[0] for i in range(images)])  # its labels are for miou() only
    test = stack([render_clip((seed, 2, i), 1, SIZE)[0] for i in range(images // 2)])
    net, judge = network(), discriminator()
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
    judge_optimizer = torch.optim.Adam(judge.parameters(), lr=1e-4, betas=(0.9, 0.99))
    before = 0.0
    for iteration in range(iterations):
        image_s, label_s = pick(source)
        logits_s = predict(net, image_s)
        loss = F.cross_entropy(logits_s, label_s)
        adapting = iteration >= iterations // 2
        if adapting:
            logits_t = predict(net, pick(target)[0])
            seen_s, seen_t = (self_information(x) if entropy else x.softmax(1) for x in (logits_s, logits_t))
            judge.requires_grad_(False)  # this step is the segmentor's
            loss = loss + lambda_adv * judge(seen_t).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if adapting:
            judge.requires_grad_(True)
            loss_dis = judge(seen_s.detach()).square().mean() / 2 + (judge(seen_t.detach()) - 1).square().mean() / 2
            judge_optimizer.zero_grad()
            loss_dis.backward()
            judge_optimizer.step()
        if iteration + 1 == iterations // 2:
            before = miou(net, *test)
    return before, miou(net, *test)


if __name__ == '__main__':
    print('mIoU in percent, half-way (source only) and adapted:', main())
