"""Self-training in one file: CBST (Zou et al., ECCV 2018), rounds of class-balanced pseudo-labels.

    y = argmax_c p_c / k_c where max_c p_c / k_c >= 1, else ignored;   k_c: the least confidence in the surest part of c
    L = CE over the labelled pixels of source and target together

``class_balanced_soft_labels`` in place of ``class_balanced_labels``, with a soft cross entropy, is CRST's LRENT.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from i2vda_mmseg.ops import ConfidenceHistogram, class_balanced_labels, upsample
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


@torch.no_grad()
def pseudo_labels(net: nn.Module, images: Tensor, portion: float) -> Tensor:
    """Label the surest ``portion`` of each predicted class: (N, H, W), 255 elsewhere."""
    histogram = ConfidenceHistogram(CLASSES)
    probs = torch.cat([predict(net, image[None]).softmax(1) for image in images])
    histogram.add(*probs.max(1))
    return class_balanced_labels(probs, histogram.thresholds(portion))


def main(iterations: int = 600, images: int = 60, portions: tuple = (0.2, 0.25, 0.3), seed: int = 0) -> tuple:
    """Train on the source alone, then in rounds on both; give mIoU before and after."""
    torch.manual_seed(seed)
    source = stack([render_still((seed, 0, i), SIZE) for i in range(images)])
    target = stack([render_clip((seed, 1, i), 1, SIZE)[0] for i in range(images)])  # its labels are for miou() only
    test = stack([render_clip((seed, 2, i), 1, SIZE)[0] for i in range(images // 2)])
    net = network()
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
    for _ in range(iterations // 2):
        image_s, label_s = pick(source)
        step(optimizer, F.cross_entropy(predict(net, image_s), label_s))
    before = miou(net, *test)
    for group in optimizer.param_groups:
        group['lr'] *= 0.2
    for portion in portions:
        labelled = (target[0], pseudo_labels(net, target[0], portion))
        for _ in range(iterations // 2 // len(portions)):
            (image_s, label_s), (image_t, label_t) = pick(source), pick(labelled)
            both = torch.cat((predict(net, image_s), predict(net, image_t)))  # one mean over all labelled pixels
            step(optimizer, F.cross_entropy(both, torch.cat((label_s, label_t)), ignore_index=255))
    return before, miou(net, *test)


def step(optimizer: torch.optim.Optimizer, loss: Tensor) -> None:
    """Update the network."""
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()


if __name__ == '__main__':
    print('mIoU in percent, half-way (source only) and adapted:', main())
