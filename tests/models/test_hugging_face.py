"""Networks of Hugging Face's transformers, tiny and with random weights, through I2VDA and into stock mmseg."""

from importlib.util import find_spec
from pathlib import Path

import pytest
import torch
from helpers import domain_batch, tiny_method
from mmengine.config import Config
from mmseg.registry import MODELS
from zoo.chain import STEPS, make_data, method_config, run_chain

from i2vda_mmseg.apis.config_check import check_config
from i2vda_mmseg.errors import ConfigError
from i2vda_mmseg.models.backbones import hf_backbone
from i2vda_mmseg.models.segmentors.supervision import labelled_samples

CONFIGS = Path(__file__).parents[2] / 'configs/i2vda'
SIZE = (64, 96)
SEGFORMER = dict(
    model_type='segformer', depths=[1, 1, 1, 1], hidden_sizes=[8, 16, 24, 32], decoder_hidden_size=16,
    num_attention_heads=[1, 1, 2, 4],
)  # fmt: skip
needs_transformers = pytest.mark.skipif(find_spec('transformers') is None, reason='transformers is not installed')


def leaf(name, backbone, channels):
    """The network of a leaf, narrower, without its weights."""
    config = Config.fromfile(CONFIGS / f'{name}_viper2cs.py')
    check_config(config)
    network = config.model.segmentor
    network.backbone.config.update(backbone)
    network.backbone.pretrained = None
    network.decode_head.update(in_channels=channels, channels=64)  # groups of GN have two channels
    if 'neck' in network:
        network.neck.embed_dim = channels[0]
    return network


def networks():
    convnext = dict(depths=[1, 1, 1, 1], hidden_sizes=[8, 16, 24, 32])
    dinov2 = dict(hidden_size=16, num_hidden_layers=4, num_attention_heads=2, image_size=42, out_indices=[1, 2, 3, 4])
    return {
        'ConvNeXt': lambda: leaf('upernet_convnext-t', convnext, [8, 16, 24, 32]),
        'DINOv2': lambda: leaf('upernet_dinov2-b', dinov2, [16] * 4),
        'SegFormer': lambda: dict(type='HFSegmentor', config=SEGFORMER, num_classes=15),
    }


def small_segformer():
    return dict(type='HFSegmentor', config=SEGFORMER, num_classes=3)


@needs_transformers
@pytest.mark.slow
@pytest.mark.parametrize('name', networks())
def test_it_passes_every_step_of_the_zoo(name, tmp_path):
    data = make_data(tmp_path / 'street', SIZE)
    result = run_chain(method_config('i2vda', networks()[name](), data, tmp_path / 'run', SIZE))
    assert {step: result.get(step, 'left out') for step in STEPS} == dict.fromkeys(STEPS, '')


@needs_transformers
def test_images_are_resized_to_whole_patches():
    backbone = MODELS.build(networks()['DINOv2']().backbone)
    assert [tuple(x.shape) for x in backbone(torch.randn(1, 3, 62, 95))] == [(1, 16, 4, 7)] * 4


@needs_transformers
def test_a_whole_segmentor_learns_from_its_labelled_pixels():
    network = MODELS.build(networks()['SegFormer']()).eval()
    images, labels = torch.randn(2, 3, *SIZE), torch.randint(15, (2, *SIZE))
    labels[:, :40] = 255
    terms = network(images, labelled_samples(labels), mode='loss')
    logits = network.encode_decode(images, [])
    expected = torch.nn.functional.cross_entropy(logits, labels, ignore_index=255)
    torch.testing.assert_close(terms, {'decode.loss_ce': expected})
    weights = torch.rand(2, *SIZE)
    terms = network(images, labelled_samples(labels, weights), mode='loss')
    each = torch.nn.functional.cross_entropy(logits, labels, ignore_index=255, reduction='none')
    torch.testing.assert_close(terms['decode.loss_ce'], (each * weights).sum() / (labels != 255).sum())


@needs_transformers
def test_a_whole_segmentor_learns_as_much_as_its_teacher_is_sure():
    def learnt(method, threshold):
        torch.manual_seed(0)
        model = tiny_method(method, segmentor=small_segformer(), threshold=threshold).eval()
        batch = model.data_preprocessor(domain_batch(source_size=(32, 48)), training=True)
        _, *passes = model.segmentor_passes(batch)
        return [float(loss) for each in passes for loss in each.losses.values()]

    sure, unsure = learnt('MIC', 0.0), learnt('MIC', 1.1)
    assert len(sure) == 2
    assert all(each > 0.5 for each in sure)
    assert unsure[0] < sure[0]  # of the mixed images, half of which are the source's
    assert unsure[1] == 0


@needs_transformers
@pytest.mark.parametrize(('method', 'options', 'message'), [
    ('DAFormer', dict(thing_classes=[1]), r'^model\.thing_classes: .*HFSegmentor has none of its own'),
    ('MIC', dict(mask_block='token'), r"^model\.mask_block: 'token' needs a vision transformer.*HFSegmentor has none"),
])  # fmt: skip
def test_what_needs_a_backbone_says_so(method, options, message):
    with pytest.raises(ConfigError, match=message):
        tiny_method(method, segmentor=small_segformer(), **options)


@needs_transformers
def test_settings_of_a_whole_segmentor_act_or_are_refused(tmp_path):
    with pytest.raises(ConfigError, match=r"^model\.segmentor\.test_cfg\.mode: .*'slide'"):
        MODELS.build(dict(small_segformer(), test_cfg=dict(mode='slide', crop_size=(32, 32), stride=(16, 16))))
    with pytest.raises(ConfigError, match=r'^model\.segmentor\.train_cfg: '):
        MODELS.build(dict(small_segformer(), train_cfg=dict(sampler=dict(type='OHEMPixelSampler'))))
    given = MODELS.build(small_segformer())
    torch.save(dict(state_dict=given.state_dict()), tmp_path / 'given.pth')
    init_cfg = dict(type='Pretrained', checkpoint=str(tmp_path / 'given.pth'))
    network = MODELS.build(dict(small_segformer(), test_cfg=dict(mode='whole'), train_cfg={}, init_cfg=init_cfg))
    network.init_weights()
    assert all(torch.equal(value, given.state_dict()[name]) for name, value in network.state_dict().items())
    (tmp_path / 'given.pth').unlink()
    with pytest.raises(FileNotFoundError, match=r'given\.pth'):
        MODELS.build(dict(small_segformer(), init_cfg=init_cfg)).init_weights()


def test_without_transformers_the_error_says_what_to_install(monkeypatch):
    def absent(name):
        raise ImportError(f'No module named {name!r}')

    monkeypatch.setattr(hf_backbone, 'import_module', absent)
    with pytest.raises(ImportError, match='pip install transformers'):
        MODELS.build(dict(type='HFBackbone', config=dict(model_type='convnext')))
