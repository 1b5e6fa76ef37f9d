"""A network of two frames in one file: TPS (Xing et al., ECCV 2022), pseudo-labels from an earlier frame.

    fused(x, y) = 1x1 convolution of the logits of x beside those of the frame y before it, warped to x
    L = CE(fused(s, s-1), y_s) + lambda_tps * CE(fused(c, b), argmax W(softmax(fused(b, a)), F_cb))

of target frames a, b, c in order of time; the pseudo-labels come from the frames as they are, and are learnt in other
colours. Unlike I2VDA, two frames and flow are needed at test time, and source clips in training.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from i2vda_mmseg.flow import DISFlow
from i2vda_mmseg.ops import adjust_brightness, adjust_contrast, gaussian_blur, upsample, warp
from i2vda_mmseg.streetworld import CLASS_NAMES, GAME, Frame, render_clip

CLASSES = len(CLASS_NAMES)
SIZE = (64, 128)


def network() -> nn.Sequential:
    """Logits at a quarter of the size, from RGB in 0..255; any network of yours may stand here."""
    layers: list[nn.Module] = []
    for inputs, outputs, stride, dilation in ((3, 32, 2, 1), (32, 64, 2, 1), (64, 64, 1, 2), (64, 64, 1, 4)):
        layers.append(nn.Conv2d(inputs, outputs, 3, stride, padding=dilation, dilation=dilation))
        layers += [nn.GroupNorm(8, outputs), nn.ReLU(inplace=True)]
    return nn.Sequential(*layers, nn.Conv2d(64, CLASSES, 1))


class TwoFrames(nn.Module):
    """One network for both frames; the previous one's logits, warped to the current frame, are fused with its own."""

    def __init__(self) -> None:
        super().__init__()
        self.net, self.flow = network(), DISFlow()
        self.fusion = nn.Conv2d(2 * CLASSES, CLASSES, 1)

    def forward(self, current: Tensor, previous: Tensor) -> Tensor:
        """Give fused logits at the size of the frames."""
        logits, earlier = (upsample(self.net(x / 127.5 - 1), x.shape[-2:]) for x in (current, previous))
        return self.fusion(torch.cat((logits, warp(earlier, self.flow(current, previous))), dim=1))


def stack(frames: list[Frame]) -> tuple[Tensor, Tensor]:
    """Images (N, 3, H, W), RGB in 0..255, and labels (N, H, W)."""
    images = torch.stack([torch.from_numpy(frame.rgb.copy()).permute(2, 0, 1).float() for frame in frames])
    return images, torch.stack([torch.from_numpy(frame.classes.copy()).long() for frame in frames])


def pick(tensors: tuple[Tensor, ...], batch: int = 2) -> tuple[Tensor, ...]:
    """Draw a batch."""
    chosen = torch.randint(len(tensors[0]), (batch,))
    return tuple(tensor[chosen] for tensor in tensors)


@torch.no_grad()
def miou(net: TwoFrames, previous: Tensor, current: Tensor, labels: Tensor) -> float:
    """Mean IoU in percent over the classes that occur."""
    pairs = zip(current, previous)
    predicted = torch.cat([net(frame[None], before[None]).argmax(1) for frame, before in pairs])
    confusion = torch.bincount(labels.flatten() * CLASSES + predicted.flatten(), minlength=CLASSES**2)
    confusion = confusion.view(CLASSES, CLASSES)
    union = confusion.sum(0) + confusion.sum(1) - confusion.diag()
    return float(100 * (confusion.diag()[union > 0] / union[union > 0]).mean())


def augmented(frames: tuple[Tensor, ...]) -> list[Tensor]:
    """Change colours and blur, all frames alike."""
    brightness, contrast = 0.7 + 0.6 * torch.rand(2)
    changed = adjust_contrast(adjust_brightness(torch.cat(frames), float(brightness)), float(contrast))
    return list(gaussian_blur(changed.clamp(0, 255), 0.7).chunk(len(frames)))


def in_colours_of(images: Tensor, target: Tensor) -> Tensor:
    """Give each channel of the images the distribution of values of the target's."""
    order = images.flatten(2).argsort(2)
    values = target.flatten(2).sort(2).values
    return torch.empty_like(values).scatter_(2, order, values).view_as(images)


def frames_of(clips: list[list[Frame]]) -> tuple[Tensor, ...]:
    """The frames of all clips, time by time, and the labels of the last."""
    stacked = [stack([clip[time] for clip in clips]) for time in range(len(clips[0]))]
    return (*(images for images, _ in stacked), stacked[-1][1])


def main(iterations: int = 600, images: int = 60, lambda_tps: float = 0.1, seed: int = 0) -> tuple:
    """Train on source clips alone, then on both; give mIoU before and after."""
    torch.manual_seed(seed)
    source = frames_of([render_clip((seed, 0, i), 2, SIZE, look=GAME) for i in range(images)])
    target = frames_of([render_clip((seed, 1, i), 3, SIZE) for i in range(images)])[:3]  # without labels
    test = frames_of([render_clip((seed, 2, i), 2, SIZE) for i in range(images // 2)])
    net = TwoFrames()
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
    before = 0.0
    for iteration in range(iterations):
        previous_s, current_s, label_s = pick(source)
        frame_a, frame_b, frame_c = pick(target)
        adapting = iteration >= iterations // 2
        if adapting:
            previous_s, current_s = (in_colours_of(x, frame_b) for x in (previous_s, current_s))
        loss = F.cross_entropy(net(current_s, previous_s), label_s)
        if adapting:
            with torch.no_grad():
                probs_c = warp(net(frame_b, frame_a).softmax(1), net.flow(frame_c, frame_b))
            current, previous = augmented((frame_c, frame_b))
            loss = loss + lambda_tps * F.cross_entropy(net(current, previous), probs_c.argmax(1))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if iteration + 1 == iterations // 2:
            before = miou(net, *test)
    return before, miou(net, *test)


if __name__ == '__main__':
    print('mIoU in percent, half-way (source only) and adapted:', main())
