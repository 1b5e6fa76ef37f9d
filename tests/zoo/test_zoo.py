"""A family of each kind through I2VDA; all of them, through three methods: make zoo."""

import pytest
from zoo.chain import STEPS
from zoo.families import EXPECTED_FAILURES, families
from zoo.run import passes, record, run_family

from docs.results import read

KINDS = [
    'danet_r50-d8', 'fcn_r50-d8', 'knet_fcn', 'ocrnet_r50-d8', 'pidnet-s', 'pointrend_r50', 'segformer_mit-b0',
    'segmenter_vit-b16_mask',
]  # fmt: skip


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp('zoo')


@pytest.mark.slow
@pytest.mark.parametrize('name', KINDS)
def test_a_family_of_each_kind_passes_every_step(name, folder):
    result = run_family(name, folder, ['i2vda'])
    assert {step: result.get(step, 'left out') for step in STEPS} == dict.fromkeys(STEPS, '')


@pytest.mark.parametrize('name', ['upernet_convnext', 'vpd_sd'])
def test_what_cannot_go_fails_before_the_first_iteration(name, folder):
    result = run_family(name, folder, ['i2vda'])
    assert result.pop('idle', '') == ''
    assert list(result) == ['build']
    assert result['build']


def test_the_record_says_what_failed():
    wrong = dict(dict.fromkeys(STEPS, ''), learn='I2VDA: 2 parameters never learn')
    found = record({'fcn_r50-d8': dict.fromkeys(STEPS, ''), 'ann_r50-d8': wrong, 'vpd_sd': dict(build='TypeError: no')})
    well = dict.fromkeys(STEPS, True)
    assert found['fcn_r50-d8'] == well | {'remark': ''}
    assert found['ann_r50-d8'] == well | {'learn': False, 'remark': 'I2VDA: 2 parameters never learn'}
    nowhere = dict.fromkeys(STEPS) | {'build': False, 'remark': EXPECTED_FAILURES['vpd_sd']}
    assert found['vpd_sd'] == nowhere
    assert not passes(wrong)


def test_every_family_has_its_result():
    assert [name for name in families() if name not in read('zoo')['families']] == []
