"""Vision transformers of transformers: what learns, what is hidden, and how deep a parameter lies."""

from importlib.util import find_spec

import pytest
import torch
from helpers import data_sample
from mmseg.registry import MODELS

from i2vda_mmseg.engine.optimizers import SeparateOptimWrapperConstructor
from i2vda_mmseg.errors import ConfigError
from i2vda_mmseg.models.backbones import HFBackbone, LoRALinear, add_lora, merge_lora
from i2vda_mmseg.models.segmentors.network import advice_on_downloads

pytestmark = pytest.mark.skipif(find_spec('transformers') is None, reason='needs [foundation]')
WIDTH, BLOCKS = 16, 3
DINOV2 = dict(
    model_type='dinov2', hidden_size=WIDTH, num_hidden_layers=BLOCKS, num_attention_heads=2, image_size=28,
    patch_size=4, out_indices=[BLOCKS],
)  # fmt: skip
DINOV3 = dict(DINOV2, model_type='dinov3_vit', intermediate_size=24, num_register_tokens=2)


def backbone(config=DINOV2, **options):
    torch.manual_seed(0)
    return HFBackbone(config, multiple=4, **options).eval()


def perturbed(network):
    with torch.no_grad():
        for module in network.modules():
            if isinstance(module, LoRALinear):
                module.lora_b.normal_()
    return network


def segmentor(**options):
    head = dict(type='LightHead', in_channels=WIDTH, num_classes=3, align_corners=False)
    body = dict(type='HFBackbone', config=DINOV2, multiple=4, **options)
    return MODELS.build(dict(type='EncoderDecoder', backbone=body, decode_head=head))


def learning(network):
    return {name: value for name, value in network.named_parameters() if value.requires_grad}


@pytest.mark.parametrize(('targets', 'count'), [(['q_proj'], 1), (['q_proj', 'v_proj', 'o_proj'], 3)])
@pytest.mark.parametrize('config', [DINOV2, DINOV3])
def test_the_number_of_parameters_that_learn(config, targets, count):
    rank = 5
    network = backbone(config, tuning='lora', lora=dict(rank=rank, targets=targets))
    assert sum(value.numel() for value in learning(network).values()) == BLOCKS * count * rank * 2 * WIDTH
    wide = backbone(config, tuning='lora', lora=dict(rank=rank, targets=['fc1' if config is DINOV2 else 'up_proj']))
    inner = 4 * WIDTH if config is DINOV2 else 24
    assert sum(value.numel() for value in learning(wide).values()) == BLOCKS * rank * (WIDTH + inner)


@torch.no_grad()
@pytest.mark.parametrize('config', [DINOV2, DINOV3])
def test_lora_begins_as_the_network_and_can_be_merged(config):
    images = torch.randn(2, 3, 24, 36)
    (plain,), network = backbone(config)(images), backbone(config, tuning='lora', lora=dict(rank=3, alpha=6.0))
    assert torch.equal(network(images)[0], plain)
    (changed,) = perturbed(network)(images)
    assert (changed - plain).abs().max() > 0.1
    (merged,) = merge_lora(network)(images)
    torch.testing.assert_close(merged, changed, rtol=0, atol=1e-6)
    assert not any(isinstance(module, LoRALinear) for module in network.modules())


def test_the_update_is_the_product_of_its_factors():
    layer = LoRALinear(torch.nn.Linear(4, 3, dtype=torch.float64), rank=2, alpha=6.0)
    perturbed(layer)
    x = torch.randn(5, 4, dtype=torch.float64)
    weight = layer.weight + 3.0 * layer.lora_b @ layer.lora_a
    torch.testing.assert_close(layer(x), x @ weight.T + layer.bias, rtol=0, atol=1e-12)


@pytest.mark.parametrize('tuning', ['full', 'lora', 'frozen'])
def test_what_learns_moves_and_nothing_else_is_in_the_optimizer(tuning):
    network = segmentor(tuning=tuning)
    model = torch.nn.ModuleDict(dict(segmentor=network)).train()
    for paramwise in (None, dict(custom_keys=dict(backbone=dict(lr_mult=0.1)))):
        cfg = dict(optimizer=dict(type='SGD', lr=0.1), paramwise_cfg=paramwise)
        optimizer = SeparateOptimWrapperConstructor(dict(segmentor=cfg))(model)['segmentor'].optimizer
        held = {id(value) for group in optimizer.param_groups for value in group['params']}
        assert held == {id(value) for value in learning(network).values()}
    before = {name: value.clone() for name, value in network.named_parameters()}
    samples = [data_sample(torch.randint(0, 3, (24, 36))) for _ in range(2)]
    terms = network(torch.randn(2, 3, 24, 36), samples, mode='loss')
    terms['decode.loss_ce'].backward()
    optimizer.step()
    moved = {name for name, value in network.named_parameters() if not torch.equal(value, before[name])}
    parts = {name.split('.')[0] for name in moved}
    assert parts == ({'decode_head'} if tuning == 'frozen' else {'decode_head', 'backbone'})
    assert moved <= set(learning(network))
    if tuning == 'lora':  # A has no gradient while B is zero
        assert {name.rpartition('.')[2] for name in moved if 'backbone' in name} == {'lora_b'}
    frozen = [value.grad for name, value in network.named_parameters() if name not in learning(network)]
    assert frozen == [None] * len(frozen)
    assert 'backbone.model.embeddings.mask_token' not in learning(network)


def test_a_frozen_backbone_is_silent():
    network = segmentor(tuning='frozen').train()
    assert network.decode_head.training
    assert not network.backbone.model.training
    assert network.backbone(torch.randn(1, 3, 8, 8))[0].grad_fn is None


@torch.no_grad()
@pytest.mark.parametrize('config', [DINOV2, DINOV3])
def test_hidden_patches_do_not_act_and_seen_ones_do(config):
    network = backbone(config)
    network.model.embeddings.mask_token.normal_()
    assert network.grid((22, 37)) == (6, 9)
    images, hidden = torch.randn(1, 3, 24, 36), torch.zeros(1, 6, 9, dtype=torch.bool)
    hidden[:, 2, 5] = True
    changed = images.clone()
    changed[:, :, 8:12, 20:24] += 1
    with network.hiding(hidden):
        (first,), (second,) = network(images), network(changed)
    torch.testing.assert_close(first, second)
    assert (network(images)[0] - network(changed)[0]).abs().max() > 1e-3
    assert (network(images)[0] - first).abs().max() > 1e-3
    assert not network.model.embeddings._forward_pre_hooks


@pytest.mark.parametrize('config', [DINOV2, DINOV3])
def test_rates_fall_with_the_blocks_above(config):
    network = segmentor()
    network.backbone = backbone(config)
    model = torch.nn.ModuleDict(dict(segmentor=network))
    cfg = dict(
        optimizer=dict(type='AdamW', lr=0.2, weight_decay=0.1),
        paramwise_cfg=dict(custom_keys=dict(backbone=dict(lr_mult=0.5)), layer_decay=0.5),
    )
    optimizer = SeparateOptimWrapperConstructor(dict(segmentor=cfg))(model)['segmentor'].optimizer
    rates = {id(group['params'][0]): group['lr'] for group in optimizer.param_groups}
    for name, value in learning(network).items():
        if name.startswith('decode_head'):
            expected = 0.2
        elif 'embeddings' in name:
            expected = 0.1 * 0.5**BLOCKS
        elif '.layer.' in name:
            expected = 0.1 * 0.5 ** (BLOCKS - 1 - int(name.split('.layer.')[1][0]))
        else:
            expected = 0.1
        assert rates[id(value)] == pytest.approx(expected, rel=1e-12), name
    assert len(set(rates.values())) == BLOCKS + 2


def test_pretrained_weights_are_read_when_the_network_is_initialised(tmp_path):
    source = backbone()
    with torch.no_grad():
        source.model.embeddings.mask_token.fill_(0.5)
    source.model.save_pretrained(tmp_path)
    for tuning in ('full', 'lora', 'frozen'):
        network = HFBackbone(DINOV2, pretrained=str(tmp_path), multiple=4, tuning=tuning).eval()
        assert float(network.model.embeddings.mask_token.detach().abs().max()) == 0
        network.init_weights()
        images = torch.randn(1, 3, 12, 20)
        torch.testing.assert_close(network(images)[0], source(images)[0])
        assert float(network.model.embeddings.mask_token.detach().min()) == 0.5


def test_images_are_scaled_to_whole_patches():
    network = backbone(scale=1.1)
    (features,) = network(torch.randn(1, 3, 40, 60))  # 44 x 66 pixels
    assert tuple(features.shape) == (1, WIDTH, 11, 16)


def test_weights_that_cannot_be_had_are_named(monkeypatch):
    def offline(*_, **__):
        raise OSError("We couldn't connect to 'https://huggingface.co' to load the files")

    network = segmentor(pretrained='facebook/dinov2-base')
    monkeypatch.setattr(type(network.backbone.model), 'from_pretrained', offline)
    said = r"'facebook/dinov2-base' could not be read .*config\.json and model\.safetensors.*=FOLDER, or .*=None"
    with pytest.raises(ConfigError, match=said), advice_on_downloads(dict(backbone=dict(type='HFBackbone'))):
        network.init_weights()
    absent = segmentor(pretrained='checkpoints/no/such')
    with pytest.raises(ConfigError, match=r"the weights of 'checkpoints/no/such' could not be read"):
        absent.init_weights()


def test_init_cfg_gives_weights(tmp_path):
    given = backbone()
    torch.save(dict(state_dict=given.state_dict()), tmp_path / 'given.pth')
    torch.manual_seed(1)
    network = HFBackbone(DINOV2, init_cfg=dict(type='Pretrained', checkpoint=str(tmp_path / 'given.pth')))
    network.init_weights()
    assert all(torch.equal(value, given.state_dict()[name]) for name, value in network.state_dict().items())
    absent = HFBackbone(DINOV2, init_cfg=dict(type='Pretrained', checkpoint=str(tmp_path / 'absent.pth')))
    with pytest.raises(FileNotFoundError, match=r'absent\.pth'):
        absent.init_weights()


@pytest.mark.parametrize(
    ('options', 'said'),
    [
        (dict(tuning='some'), r'backbone\.tuning must be one of'),
        (dict(lora=dict(rank=2)), r"backbone\.lora: acts with tuning='lora', and tuning is 'full'"),
        (dict(tuning='lora', lora=dict(rank=0)), r'lora\.rank: must be at least 1'),
        (dict(tuning='lora', lora=dict(targets=['query'])), r"lora\.targets: \['query'\] are no linear layers.*q_proj"),
    ],
)
def test_settings_that_cannot_be(options, said):
    with pytest.raises(ConfigError, match=said):
        backbone(**options)


def test_rates_by_depth_need_blocks():
    plain = torch.nn.Module()
    plain.backbone = torch.nn.Linear(2, 2)
    cfg = dict(optimizer=dict(type='SGD', lr=0.1), paramwise_cfg=dict(layer_decay=0.9))
    with pytest.raises(ConfigError, match=r'layer_decay: goes by the blocks.*Linear does not'):
        SeparateOptimWrapperConstructor(dict(segmentor=cfg))(torch.nn.ModuleDict(dict(segmentor=plain)))
    cfg['paramwise_cfg']['layer_decay'] = 1.1
    with pytest.raises(ConfigError, match=r'layer_decay: must lie in \(0, 1\]'):
        SeparateOptimWrapperConstructor(dict(segmentor=cfg))(torch.nn.ModuleDict(dict(segmentor=segmentor())))


def test_lora_of_nested_layers():
    network = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.ModuleDict(dict(inner=torch.nn.Linear(2, 3))))
    add_lora(network, rank=1, alpha=1.0, targets=['inner'])
    assert [type(module).__name__ for module in (network[0], network[1]['inner'])] == ['Linear', 'LoRALinear']
