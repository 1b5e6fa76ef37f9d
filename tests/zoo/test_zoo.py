"""A family of each kind through I2VDA; all of them, through three methods: make zoo."""

import pytest
from zoo.chain import STEPS
from zoo.families import EXPECTED_FAILURES, families
from zoo.run import BEGIN, END, passes, run_family, table, write_table

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


def test_the_table_says_what_failed():
    wrong = dict(dict.fromkeys(STEPS, ''), learn='I2VDA: 2 parameters never learn')
    text = table({'fcn_r50-d8': dict.fromkeys(STEPS, ''), 'ann_r50-d8': wrong, 'vpd_sd': dict(build='TypeError: no')})
    assert text.startswith('1 of 3 pass every step.')
    assert '| `ann_r50-d8` | yes | yes | no | yes | yes | yes | I2VDA: 2 parameters never learn |' in text
    assert f'| `vpd_sd` | no | - | - | - | - | - | {EXPECTED_FAILURES["vpd_sd"]} |' in text
    assert not passes(wrong)


def test_the_table_replaces_that_of_the_page(tmp_path):
    page = tmp_path / 'page.md'
    page.write_text(f'before\n{BEGIN}old\n{END}after\n')
    for text in ('new', 'newer'):
        write_table(text, page)
    assert page.read_text() == f'before\n{BEGIN}\nnewer\n{END}after\n'


def test_every_family_has_its_row_in_the_docs(request):
    page = (request.config.rootpath / 'docs/networks.md').read_text()
    assert [name for name in families() if f'| `{name}` |' not in page] == []
