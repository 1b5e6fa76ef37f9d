"""VFM-UDA: one step against its formulas, what is hidden, what it refuses, and a stop in the middle."""

from copy import deepcopy
from importlib.util import find_spec

import pytest
import torch
import torch.nn.functional as F
from equations import frames_of, normalised, predicted, source_of
from helpers import MEAN, STD, domain_batch, optimizers, tiny_method
from mmengine.config import Config, ConfigDict
from mmseg.registry import HOOKS, MODELS

from i2vda_mmseg.engine.frame_network import FrameNetwork
from i2vda_mmseg.errors import ConfigError
from i2vda_mmseg.models.backbones import LoRALinear

pytestmark = pytest.mark.skipif(find_spec('transformers') is None, reason='needs [foundation]')
SEED, LR, THRESHOLD = 7, 0.05, 0.5
NONE = dict(type='StrongAugmentation', blur_prob=0.0, jitter_prob=0.0, gray_prob=0.0)
DARK = dict(NONE, jitter_prob=1.0, jitter=(0.5, 0.0, 0.0, 0.0))
BACKBONE = dict(
    model_type='dinov2', hidden_size=16, num_hidden_layers=2, num_attention_heads=2, image_size=28, patch_size=4,
    out_indices=[2],
)  # fmt: skip


def config(method='VFMUDA', tuning='full', **options):
    head = dict(type='LightHead', in_channels=16, num_classes=3, align_corners=True)
    head['loss_decode'] = dict(type='CrossEntropyLoss', avg_non_ignore=True)
    backbone = dict(type='HFBackbone', config=BACKBONE, multiple=4, tuning=tuning)
    segmentor = dict(type='EncoderDecoder', backbone=backbone, decode_head=head)
    segmentor.update(train_cfg=dict(), test_cfg=dict(mode='whole'))
    cfg = dict(type=method, segmentor=segmentor, threshold=THRESHOLD, augmentation=NONE)
    preprocessor = dict(type='DomainDataPreprocessor', mean=MEAN, std=STD)
    return ConfigDict(dict(cfg, data_preprocessor=preprocessor) | options)


def built(method='VFMUDA', **options):
    torch.manual_seed(0)
    model = MODELS.build(config(method, **options))
    with torch.no_grad():
        for network in (model.segmentor, model.proxy):
            network.backbone.model.embeddings.mask_token.fill_(0.3)
            network.decode_head.conv_seg.weight.normal_(std=0.8)
    return model.train()


def batch(seed=0):
    return domain_batch(seed=seed, source_size=(32, 48))


def reference_loss(model, data):
    torch.manual_seed(SEED)
    images, labels = source_of(data)
    target = normalised(frames_of(data)[1])
    student, teacher = model.segmentor, model.proxy.train()
    total = F.cross_entropy(predicted(student, images), labels, ignore_index=255)
    with torch.no_grad():
        probs = predicted(teacher, target).softmax(1) / 2
        probs = probs + predicted(teacher, target.flip(-1)).softmax(1).flip(-1) / 2
    top, pseudo = probs.max(1)
    quality = (top >= THRESHOLD).double().mean()
    numbers, classes = torch.rand(2, 256), labels.unique()
    taken = [classes[numbers[n, classes].argsort()][: (len(classes) + 1) // 2] for n in range(2)]
    mask = torch.stack([torch.isin(labels[n], taken[n]) for n in range(2)])
    weights = torch.where(mask, 1.0, quality)
    logits = predicted(student, torch.where(mask[:, None], images, target))
    losses = F.cross_entropy(logits, torch.where(mask, labels, pseudo), ignore_index=255, reduction='none')
    total = total + (losses * weights).sum() / labels.numel()
    for _ in range(2 * 2 * 3):  # whether two mixed and two target images are blurred, coloured, made grey
        torch.rand((), dtype=torch.float64)
    hidden = torch.rand(2, 8, 12) <= 0.7

    def replace(_, __, tokens):
        return torch.where(hidden.flatten(1)[..., None], torch.full_like(tokens, 0.3), tokens)

    handle = student.backbone.model.embeddings.patch_embeddings.register_forward_hook(replace)
    losses = F.cross_entropy(predicted(student, target), pseudo, reduction='none')
    handle.remove()
    return total + (losses * quality).mean(), quality


def test_one_step():
    torch.set_default_dtype(torch.float64)
    try:
        model = built().double()
        other = deepcopy(model)
        loss, quality = reference_loss(other, batch())
        named = {name: value for name, value in other.segmentor.named_parameters() if value.requires_grad}
        gradients = torch.autograd.grad(loss, list(named.values()))
        torch.manual_seed(SEED)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(torch.Tensor, 'float', torch.Tensor.double)
            logged = model.train_step(batch(), optimizers(model, lr=LR))
    finally:
        torch.set_default_dtype(torch.float32)
    total = sum(logged[name] for name in ('loss_seg', 'loss_mix', 'loss_mask'))
    torch.testing.assert_close(total, loss.detach(), rtol=0, atol=1e-8)
    assert 0.1 < float(quality) < 0.9
    for (name, old), gradient in zip(named.items(), gradients):
        new = model.segmentor.get_parameter(name)
        torch.testing.assert_close(new, old.detach() - LR * gradient, rtol=0, atol=1e-8, msg=name)


def test_the_share_of_hidden_tokens(monkeypatch):
    model = built(mask_ratio=0.7)
    seen = []
    hiding = model.segmentor.backbone.hiding
    monkeypatch.setattr(model.segmentor.backbone, 'hiding', lambda hidden: seen.append(hidden) or hiding(hidden))
    steps = optimizers(model)
    for seed in range(8):
        torch.manual_seed(seed)
        model.train_step(batch(seed), steps)
    hidden = torch.cat(seen)
    assert hidden.shape == (16, 8, 12)
    deviation = (0.7 * 0.3 / hidden.numel()) ** 0.5
    assert abs(float(hidden.float().mean()) - 0.7) < 4 * deviation


def test_nothing_hidden_is_plain_self_training():
    model = built(mask_ratio=0.0).eval()
    data = model.data_preprocessor(batch(), training=True)
    pseudo = model.pseudo_labels(data['target'])
    *_, masked = model.target_supervisions(data, pseudo)
    plain = model.supervised_target(model.target_images(data['target']), pseudo.labels, pseudo.weights, 'loss_mask')
    assert torch.equal(masked.losses['loss_mask'], plain.losses['loss_mask'])


def test_weak_changes_are_those_of_the_source_and_of_what_is_mixed():
    model = built(weak_augmentation=DARK)
    data = model.data_preprocessor(batch(), training=True)
    target = model.target_images(data['target'])
    torch.manual_seed(0)
    changed = model.data_preprocessor.denormalize(model.images_to_mix(data['target']))
    factors = (changed / model.data_preprocessor.denormalize(target).clamp(min=1)).flatten(1).median(1).values
    assert abs(float(factors[0] - factors[1])) > 0.01  # each image for itself
    assert not torch.equal(model.images_to_mix(data['target']), target)
    assert torch.equal(model.target_images(data['target']), target)  # the teacher sees it as it is


@pytest.mark.parametrize('tuning', ['full', 'lora', 'frozen'])
def test_stopped_and_resumed_it_goes_on_bit_for_bit(tuning):
    ema = HOOKS.build(dict(type='ProxyEMAHook', momentum=0.9))

    def run(model, steps, iterations):
        for i in iterations:
            runner = type('Runner', (), dict(model=model, iter=i))
            ema.before_train_iter(runner, i)
            torch.manual_seed(i)
            model.train_step(batch(i), steps)

    def start():
        model = built(tuning=tuning)
        adamw = dict(optimizer=dict(type='AdamW', lr=0.01))
        return model, optimizers(model, **adamw)

    whole, steps = start()
    run(whole, steps, range(2))
    kept, state = deepcopy(whole.state_dict()), deepcopy(steps.state_dict())
    run(whole, steps, range(2, 4))
    resumed, steps = start()
    resumed.load_state_dict(kept, strict=True)
    steps.load_state_dict(state)
    run(resumed, steps, range(2, 4))
    first, second = whole.state_dict(), resumed.state_dict()
    assert [name for name in first if not torch.equal(first[name], second[name])] == []
    assert any(not torch.equal(first[name], kept[name]) for name in first)


def test_an_exported_network_has_the_update_merged(tmp_path):
    model = built(tuning='lora')
    with torch.no_grad():
        for module in model.segmentor.modules():
            if isinstance(module, LoRALinear):
                module.lora_b.normal_()
    torch.save(dict(state_dict=model.state_dict(), meta={}), tmp_path / 'lora.pth')
    network = FrameNetwork.load(Config(dict(model=config(tuning='lora'), default_scope='mmseg')), tmp_path / 'lora.pth')
    assert not any(isinstance(module, LoRALinear) for module in network.modules())
    frames = 255 * torch.rand(1, 3, 32, 48)
    with torch.no_grad():
        expected = predicted(model.eval().segmentor, model.data_preprocessor.normalize(frames))
        (found,) = network(frames)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-4)


def test_tokens_need_a_transformer():
    with pytest.raises(ConfigError, match=r"mask_block: 'token' needs a vision transformer.*TinyBackbone has none"):
        tiny_method('MIC', mask_block='token')
    with pytest.raises(ConfigError, match=r"mask_block: must be pixels, at least 1, or 'token', got 'block'"):
        tiny_method('MIC', mask_block='block')
