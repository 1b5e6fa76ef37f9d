"""A whole step of DACS, DAFormer and MIC against their formulas, written anew, in double precision."""

import colorsys
from copy import deepcopy

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from equations import frames_of, normalised, predicted, source_of
from helpers import MEAN, STD, domain_batch, optimizers, sharpen, tiny_method

LR, SEED, THRESHOLD = 0.05, 7, 0.5
MARGINS = dict(top=2, bottom=5, right=1)


@pytest.fixture(autouse=True)
def double(monkeypatch):
    """Build and compute in double precision, also where at least single precision is asked for."""
    monkeypatch.setattr(torch.Tensor, 'float', torch.Tensor.double)
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def batch():
    return domain_batch(source_size=(32, 48))


def averaged_over_all_pixels(logits, labels, weights=None):
    """Cross entropy whose mean counts the ignored pixels, pixel by pixel."""
    losses = F.cross_entropy(logits, labels, ignore_index=255, reduction='none')
    return (losses if weights is None else losses * weights).sum() / labels.numel()


def rgb(images):
    """Network input (BGR) to RGB in 0..1, (N, H, W, 3)."""
    raw = images * torch.tensor(STD).view(3, 1, 1) + torch.tensor(MEAN).view(3, 1, 1)
    return (raw.flip(1) / 255).movedim(1, -1).numpy()


def jittered(image, draw):
    """Kornia 0.5.8's jitter of one image (H, W, 3): brightness added, contrast multiplied, the rest in HSV."""
    order = torch.randperm(4).tolist()
    for kind in order:
        if kind == 0:
            image = (image + draw(-0.2, 0.2)).clip(0, 1)
        elif kind == 1:
            image = (image * draw(0.8, 1.2)).clip(0, 1)
        else:
            amount = draw(0.8, 1.2) if kind == 2 else draw(-0.2, 0.2)
            for place in np.ndindex(image.shape[:2]):
                hue, saturation, value = colorsys.rgb_to_hsv(*image[place])
                hue, saturation = (hue, min(1, saturation * amount)) if kind == 2 else ((hue + amount) % 1, saturation)
                image[place] = colorsys.hsv_to_rgb(hue, saturation, value)
    return image


def blurred(image, sigma, radius=2):
    """Kernel of a tenth of 48 pixels, made odd: 5; reflected border."""
    kernel = np.exp(-(np.arange(-radius, radius + 1) ** 2) / (2 * sigma**2))
    kernel /= kernel.sum()
    padded = np.pad(image, ((radius, radius), (radius, radius), (0, 0)), mode='reflect')
    height, width = image.shape[:2]
    places = [(i, j) for i in range(2 * radius + 1) for j in range(2 * radius + 1)]
    return sum(kernel[i] * kernel[j] * padded[i : i + height, j : j + width] for i, j in places)


def augmented(images):
    def draw(low, high):
        return low + (high - low) * torch.rand(()).item()

    jitters, blurs = draw(0, 1) < 0.8, draw(0, 1) < 0.5
    pictures = rgb(images).copy()
    pictures = [jittered(each, draw) if jitters else each for each in pictures]
    pictures = [blurred(each, draw(0.15, 1.15)) if blurs else each for each in pictures]
    return normalised(255 * torch.from_numpy(np.stack(pictures)).movedim(-1, 1))


def reference_loss(model, method, data):
    """The total of one iteration, with the draws of the global generator in the method's order."""
    torch.manual_seed(SEED)
    images, labels = source_of(data)
    target = normalised(frames_of(data)[1])
    student, teacher = model.segmentor, model.proxy.train()  # there is no dropout to silence
    total = averaged_over_all_pixels(predicted(student, images), labels)
    if method != 'DACS':
        total = total + 0.005 * distance_to_the_initial_encoder(model, images, labels)

    with torch.no_grad():
        probs = predicted(teacher, target).softmax(1)
    top, pseudo = probs.max(1)
    weights = torch.full(pseudo.shape, (top >= THRESHOLD).double().mean().item())
    weights[:, :2], weights[:, -5:], weights[:, :, -1:] = 0, 0, 0

    numbers = torch.rand(2, 256)
    classes = labels.unique()
    mask = torch.zeros_like(labels, dtype=torch.bool)
    for n in range(2):
        taken = classes[numbers[n, classes].argsort()][: (len(classes) + 1) // 2]
        mask[n] = torch.isin(labels[n], taken)
    mixed_images = augmented(torch.where(mask[:, None], images, target))
    mixed_weights = torch.where(mask, torch.ones_like(weights), weights)
    mixed_labels = torch.where(mask, labels, pseudo)
    total = total + averaged_over_all_pixels(predicted(student, mixed_images), mixed_labels, mixed_weights)
    if method == 'MIC':
        hidden = augmented(target)
        visible = torch.rand(2, 4, 6) > 0.7
        hidden = hidden * visible.repeat_interleave(8, 1).repeat_interleave(8, 2)[:, None]
        total = total + averaged_over_all_pixels(predicted(student, hidden), pseudo, weights)
    return total


def distance_to_the_initial_encoder(model, images, labels):
    features = model.segmentor.backbone(images)[-1]
    with torch.no_grad():
        initial = model.reference(images)[-1]
    distances = []
    for n, i, j in np.ndindex(2, 8, 12):
        cell = labels[n, 4 * i : 4 * i + 4, 4 * j : 4 * j + 4].flatten().tolist()
        if max(cell.count(thing) for thing in (0, 2)) >= 0.25 * 16:
            winner = max(range(3), key=cell.count)
            if winner in (0, 2) and cell.count(winner) >= cell.count(255):
                distances.append((features[n, :, i, j] - initial[n, :, i, j]).pow(2).sum().sqrt())
    return torch.stack(distances).mean()


@pytest.mark.parametrize('method', ['DACS', 'DAFormer', 'MIC'])
def test_one_step(method):
    torch.manual_seed(0)
    options = dict(threshold=THRESHOLD, margins=MARGINS)
    if method != 'DACS':
        options.update(thing_classes=[0, 2], min_share=0.25)
    if method == 'MIC':
        options.update(mask_block=8)
    model = sharpen(tiny_method(method, **options))
    model.segmentor.decode_head.loss_decode.avg_non_ignore = False
    with torch.no_grad():
        if method != 'DACS':
            for parameter in model.reference.parameters():
                parameter.add_(0.1)
    model.train()
    other = deepcopy(model)
    loss = reference_loss(other, method, batch())
    named = dict(other.segmentor.named_parameters())
    gradients = torch.autograd.grad(loss, list(named.values()))

    torch.manual_seed(SEED)
    logged = model.train_step(batch(), optimizers(model, lr=LR))
    weights = dict(loss_seg=1, loss_mix=1, loss_mask=1, loss_fd=0.005)
    total = sum(weights[name] * value for name, value in logged.items() if name in weights)
    torch.testing.assert_close(total, loss.detach(), rtol=0, atol=1e-8)
    assert 0.1 < float(logged['pseudo_label_quality']) < 0.9
    moved = 0.0
    for (name, old), gradient in zip(named.items(), gradients):
        new = model.segmentor.get_parameter(name)
        torch.testing.assert_close(new, old.detach() - LR * gradient, rtol=0, atol=1e-8, msg=name)
        moved = max(moved, float((new - old).abs().max()))
    assert moved > 1e-3
