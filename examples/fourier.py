"""Adaptation of the input in one file: FDA (Yang and Soatto, CVPR 2020).

    x = Re F^-1(A exp(i phase F(x_s))),  A = |F(x_t)| in the four b x b corners, |F(x_s)| elsewhere
    L = CE(p(x), y_s) + lambda_ent * mean((E^2 + 1e-8)^eta)       E: the entropy of p_t over log C

with b = floor(beta min(H, W)).
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from i2vda_mmseg.ops import robust_entropy, swap_low_frequencies, upsample
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


def main(
    iterations: int = 600, images: int = 60, beta: float = 0.02, lambda_ent: float = 0.005, seed: int = 0
) -> tuple:
    """Train on the source alone, then on the source in the target's colours; give mIoU before and after."""
    torch.manual_seed(seed)
    source = stack([render_still((seed, 0, i), SIZE) for i in range(images)])
    target = stack([render_clip((seed, 1, i), 1, SIZE)[0] for i in range(images)])  # its labels are for miou() only
    test = stack([render_clip((seed, 2, i), 1, SIZE)[0] for i in range(images // 2)])
    net = network()
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
    before = 0.0
    for iteration in range(iterations):
        (image_s, label_s), (image_t, _) = pick(source), pick(target)
        adapting = iteration >= iterations // 2
        if adapting:
            image_s = swap_low_frequencies(image_s, image_t, beta)
        loss = F.cross_entropy(predict(net, image_s), label_s)
        if adapting:
            loss = loss + lambda_ent * robust_entropy(predict(net, image_t))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if iteration + 1 == iterations // 2:
            before = miou(net, *test)
    return before, miou(net, *test)


if __name__ == '__main__':
    print('mIoU in percent, half-way (source only) and adapted:', main())
