"""Which network, which weights, which correlation layer, and what is said when one of them is not there."""

import sys
import warnings
from importlib.util import find_spec
from types import ModuleType

import pytest
import torch
from forks import run_python
from mmseg.registry import MODELS
from torch import nn

from i2vda_mmseg.flow import MMFlow, mm_flow
from i2vda_mmseg.flow.models import NETWORKS, WEIGHTS
from i2vda_mmseg.flow.models.layers import Correlation

pytestmark = pytest.mark.skipif(find_spec('mmflow') is None, reason='mmflow is not installed')


@pytest.fixture(scope='module')
def build():
    """Give the same random network for the same name."""
    built = {}

    def give(name):
        if name not in built:
            with warnings.catch_warnings():
                warnings.simplefilter('ignore', UserWarning)
                built[name] = MMFlow(name, correlation='torch')
        return built[name]

    return give


def frames(height=64, width=96):
    return 255 * torch.rand(2, 1, 3, height, width, generator=torch.Generator().manual_seed(0))


def test_a_full_model_dict(build, tmp_path):
    cfg = NETWORKS['pwcnet']()
    path = tmp_path / 'weights.pth'
    torch.save(dict(meta=dict(epoch=1), state_dict=build('pwcnet').network.state_dict()), path)
    with warnings.catch_warnings():
        warnings.simplefilter('error', UserWarning)
        estimator = MODELS.build(dict(type='MMFlow', model=cfg, checkpoint=str(path), size_divisor=128, min_size=256))
    assert estimator.model == cfg  # not eaten
    assert (estimator.size_divisor, estimator.min_size) == (128, 256)
    assert (build('pwcnet').size_divisor, build('raft').size_divisor, build('raft').min_size) == (64, 8, 64)
    pair = frames(256, 256)
    assert torch.equal(estimator(*pair), build('pwcnet')(*pair))


def test_bare_weights_are_taken(build, tmp_path):
    path = tmp_path / 'weights.pth'
    torch.save(build('raft').network.state_dict(), path)
    pair = frames()
    assert torch.equal(MMFlow('raft', checkpoint=path)(*pair), build('raft')(*pair))


def test_compiled_correlation_where_it_is_there(monkeypatch):
    class Compiled(Correlation):
        """mmcv's, for this test."""

    operators = ModuleType('mmcv.ops')
    operators.Correlation = Compiled
    monkeypatch.setitem(sys.modules, 'mmcv.ops', operators)
    logged = []
    monkeypatch.setattr(mm_flow, 'print_log', lambda message, **kwargs: logged.append(message))

    def layers(correlation):
        with pytest.warns(UserWarning, match='random weights'):
            network = MMFlow('pwcnet', correlation=correlation).network
        layer = network.decoder.corr_block.corr_block[0]
        assert (layer.max_displacement, layer.padding) == (4, 0)
        return type(layer)

    assert [layers(name) for name in ('auto', 'mmcv', 'torch')] == [Compiled, Compiled, Correlation]
    assert ['compiled' in line for line in logged] == [True, True, False]


@pytest.mark.parametrize(('stride', 'dilation'), [(1, 2), (2, 2), (2, 1), (2, 3), (3, 3)])
def test_strided_correlation(stride, dilation):
    a, b = torch.randn(2, 2, 5, 7, 9)
    dense = Correlation(max_displacement=2, dilation_patch=dilation)(a, b)
    strided = Correlation(max_displacement=2, dilation_patch=dilation, stride=stride)(a, b)
    assert torch.allclose(strided, dense[..., ::stride, ::stride], atol=1e-5)


@pytest.mark.parametrize(
    ('options', 'error', 'message'),
    [
        (dict(model='flownet3'), ValueError, r"one of \['flownet2', 'flownet2_nvidia', .*, got 'flownet3'"),
        (dict(model=dict(encoder=1)), ValueError, r"names its class as 'type', got the keys \['encoder'\]"),
        (dict(correlation='cuda'), ValueError, r"one of \('auto', 'mmcv', 'torch'\), got 'cuda'"),
        (dict(max_batch=0), ValueError, 'max_batch must be at least 1, got 0'),
        (dict(checkpoint='no/where.pth'), FileNotFoundError, f'no/where.pth: curl -L .* {WEIGHTS["raft"]}'),
        (
            dict(model='flownet2_nvidia', checkpoint='no.pth'),
            FileNotFoundError,
            r'no\.pth: python tools/model_converters/flownet2_nvidia\.py FlowNet2_checkpoint\.pth\.tar no\.pth',
        ),
        (dict(model=dict(type='RAFT'), checkpoint='no.pth'), FileNotFoundError, r'no\.pth: pass the path of a file'),
        (
            dict(model=dict(type='RAFT', data_preprocessor=dict(type='Other'))),
            ValueError,
            "must be a 'FlowDataPreprocessor', got 'Other'",
        ),
    ],
)
def test_errors(options, error, message):
    with pytest.raises(error, match=message):
        MMFlow(**dict(model='raft') | options)


def test_weights_that_do_not_fit(build, tmp_path):
    path = tmp_path / 'weights.pth'
    state = build('raft').network.state_dict()
    state['extra'] = state.pop(next(iter(state)))
    torch.save(state, path)
    with pytest.raises(ValueError, match=r"raft'\): of its \d+ tensors, 1 missing \(such as .*\), 1 unknown \(.*extra"):
        MMFlow('raft', checkpoint=path)
    key = next(iter(state))
    torch.save({key: state[key][:1]}, path)
    with pytest.raises(ValueError, match='1 of another shape'):
        MMFlow('raft', checkpoint=path)


@pytest.mark.parametrize('content', [b'', b'no checkpoint', 'pickle', 'number'])
def test_a_file_without_weights(tmp_path, content):
    path = tmp_path / 'weights.pth'
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        torch.save(nn.Identity() if content == 'pickle' else dict(epoch=1), path)
    message = {b'': 'is damaged.* Get it anew: curl -L', b'no checkpoint': 'is damaged or no checkpoint.* curl -L'}
    with pytest.raises(
        ValueError, match=rf'{path} ({message.get(content, "holds more than tensors|holds no weights")})'
    ):
        MMFlow('raft', checkpoint=path)


def test_one_flipped_bit_of_the_weights_is_noticed(build, tmp_path):
    """What torch.load takes for whole: flow would be estimated with another number in its place."""
    path = tmp_path / 'weights.pth'
    torch.save(build('raft').network.state_dict(), path)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    torch.load(path, weights_only=True)
    with pytest.raises(ValueError, match=r'is damaged: the checksum of .* does not fit.*curl -L'):
        MMFlow('raft', checkpoint=path)


@pytest.mark.skipif(mm_flow.compiled_correlation() is not None, reason='mmcv has its compiled operators here')
def test_compiled_correlation_that_is_not_there():
    with pytest.raises(ImportError, match="run `make cuda-ops`, or pass correlation='torch'"):
        MMFlow('pwcnet', correlation='mmcv')


def test_without_mmflow():
    code = (
        'import sys; sys.modules["mmflow"] = None\n'
        'import i2vda_mmseg\n'
        'from i2vda_mmseg.flow import MMFlow\n'
        'MMFlow("raft")'
    )
    result = run_python('-c', code)
    assert result.stderr.splitlines()[-1] == (
        'ImportError: MMFlow needs mmflow, which is not installed: python -m pip install mmflow==1.0.0rc0'
    )
