"""What stands in for a dependency leaves no trace."""

import subprocess
import sys
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType

import mmcv
import pytest
import torch
from forks import run_python
from mmengine.config import Config
from mmengine.hub import get_config
from mmengine.logging import MMLogger
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample
from torch import nn
from torch.utils.data._utils.pin_memory import pin_memory

from i2vda_mmseg import compat
from i2vda_mmseg.compat import quiet_mmengine

needs_mmflow = pytest.mark.skipif(find_spec('mmflow') is None, reason='mmflow is not installed')

# What another library sees of mmcv: its version, and whether mmcv.ops is there, is loaded and can be imported.
LOOK = """
import importlib, sys
import mmcv

def look():
    state = [mmcv.__version__, 'mmcv.ops' in sys.modules, hasattr(mmcv, 'ops')]
    try:
        importlib.import_module('mmcv.ops').RoIAlign
        return state[:1] + ['operators']
    except ImportError as error:
        return state + [str(error)]
"""
BUILD = """
import warnings
import i2vda_mmseg
assert not any(name.split('.')[0] == 'mmflow' for name in sys.modules), 'imported too early'
from i2vda_mmseg.flow import MMFlow
warnings.simplefilter('ignore')
MMFlow('pwcnet')
assert 'mmflow' in sys.modules
"""


def run(*parts, is_fresh=False):
    """Run code where the package is imported, or where nothing is."""
    code = '\n'.join(parts)
    fresh = partial(subprocess.run, [sys.executable, '-c', code], capture_output=True, text=True, check=False)
    result = fresh() if is_fresh else run_python('-c', code)
    assert result.returncode == 0, result.stderr
    return result.stdout


@needs_mmflow
def test_mmcv_looks_the_same_before_and_after_a_build():
    build = BUILD.replace('pwcnet', 'flownet2')
    run(LOOK, 'before = look()', build, 'after = look()', 'assert before == after, (before, after)')


@pytest.mark.slow
@needs_mmflow
def test_mmseg_models_behave_the_same_before_and_after_a_build():
    code = """
import mmseg.models
from mmseg.registry import MODELS
print('SEEN', look(), sorted(MODELS.module_dict))
print('SEEN', sorted(name for name in sys.modules if name.startswith('mmcv.ops')))
"""

    def seen(*parts, **options):
        return [line for line in run(*parts, **options).splitlines() if line.startswith('SEEN')]

    fresh = seen(LOOK, 'import i2vda_mmseg', code)
    assert len(fresh) == 2
    assert seen(LOOK, BUILD, code) == fresh  # mmflow first
    assert seen(LOOK, 'import mmseg.models', BUILD, code, is_fresh=True) == fresh  # mmseg first


def test_everything_is_put_back_after_an_error():
    before = mmcv.__version__, sys.modules.get('mmcv.ops')
    with pytest.raises(ZeroDivisionError), compat.importable_mmflow(nn.Identity):
        assert 1 / (mmcv.__version__ != '2.0.1')
    assert (mmcv.__version__, sys.modules.get('mmcv.ops')) == before


@pytest.mark.skipif(compat.compiled_correlation() is not None, reason='mmcv has its compiled operators here')
def test_the_stand_in_has_what_mmflow_imports_and_nothing_else():
    with compat.importable_mmflow(nn.Identity):
        operators = import_module('mmcv.ops')
        assert operators.Correlation is nn.Identity
        assert not hasattr(operators, 'RoIAlign')
        with pytest.raises(ImportError, match=r'needs deformable convolutions, .* run `make cuda-ops`'):
            operators.DeformConv2d(3, 3, 3)
    with pytest.raises(ImportError):
        import_module('mmcv.ops')


def test_real_operators_are_preferred_and_left_alone(monkeypatch):
    real = ModuleType('mmcv.ops')
    real.Correlation = nn.Flatten
    monkeypatch.setitem(sys.modules, 'mmcv.ops', real)
    assert compat.compiled_correlation() is nn.Flatten
    with compat.importable_mmflow(nn.Identity):
        assert sys.modules['mmcv.ops'] is real
    assert sys.modules['mmcv.ops'] is real


def test_configs_of_mmseg_are_found_whatever_family_is_installed(tmp_path):
    (tmp_path / 'leaf.py').write_text("_base_ = 'mmseg::_base_/models/fcn_unet_s5-d16.py'\n")
    assert Config.fromfile(tmp_path / 'leaf.py').model.type == 'EncoderDecoder'
    assert get_config('mmseg::_base_/models/fcn_unet_s5-d16.py').model.type == 'EncoderDecoder'


def test_noise_is_left_out_and_all_else_is_said(capsys):
    logger = MMLogger('noise')
    with quiet_mmengine():
        logger.warning('The prefix is not set in metric class X.')
        logger.warning('backbone.bn1.weight is skipped since its requires_grad=False')
        logger.warning('the rest is said')
    logger.warning('The prefix is not set in metric class X.')
    said = capsys.readouterr().out
    assert said.count('The prefix') == 1
    assert 'is skipped' not in said
    assert said.index('the rest') < said.index('The prefix')


def test_operators_written_in_pytorch_are_there_without_the_compiled_ones():
    """Points of PointRend, SAN and mask classification lie in [0, 1]; the middle of a ramp is its mean."""
    ramp = torch.arange(8.0).expand(1, 2, 4, 8)
    names = ('models.decode_heads.point_head', 'models.decode_heads.san_head', 'utils.mask_classification')
    for name in (*names, 'models.utils.point_sample'):
        sampled = import_module(f'mmseg.{name}').point_sample(ramp, torch.tensor([[[0.5, 0.25]]]))
        torch.testing.assert_close(sampled, torch.full((1, 2, 1), 3.5))
    attention = import_module('mmseg.models.decode_heads.cc_head').CrissCrossAttention(8)
    features = torch.randn(1, 8, 4, 6)
    assert torch.equal(attention(features), features)  # its weight starts at 0
    attention.gamma.scale.data.fill_(1)
    features.requires_grad_()
    attention(features)[0, :, 1, 2].sum().backward()
    reached = features.grad.abs().sum((0, 1)) > 0
    assert reached[1].all()
    assert reached[:, 2].all()
    assert not reached[0, 0]


def test_labels_of_samples_are_pinned_with_the_images(monkeypatch):
    pinned = []
    monkeypatch.setattr(torch.Tensor, 'pin_memory', lambda tensor, *_: pinned.append(tensor) or tensor.clone())
    sample = SegDataSample(metainfo=dict(img_path='a.png'), gt_sem_seg=PixelData(data=torch.ones(1, 4, 6)))
    batch = pin_memory(dict(inputs=[torch.zeros(3, 4, 6)], data_samples=[sample]))
    assert [tuple(tensor.shape) for tensor in pinned] == [(3, 4, 6), (1, 4, 6)]
    (copy,) = batch['data_samples']
    assert type(copy) is SegDataSample
    assert copy.metainfo == sample.metainfo
    assert torch.equal(copy.gt_sem_seg.data, sample.gt_sem_seg.data)
    assert copy.gt_sem_seg.data is not sample.gt_sem_seg.data
