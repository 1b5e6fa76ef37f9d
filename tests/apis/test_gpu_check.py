"""The check of a GPU, on the CPU; and that it finds what is wrong."""

import json
import math

import pytest
import torch
from forks import fork_what_is_spawned

from i2vda_mmseg.apis.gpu_check import agreement, as_markdown, check_gpu, operators
from i2vda_mmseg.apis.gpu_check.agreement import compare_with_cpu, largest_difference
from i2vda_mmseg.apis.gpu_check.clock import covered, occupation
from i2vda_mmseg.apis.gpu_check.methods import METHODS, blank_batches, build_steps, leaf
from i2vda_mmseg.apis.launch import config_path
from i2vda_mmseg.errors import ConfigError


@pytest.mark.slow
@pytest.mark.ddp
def test_all_checks_on_the_cpu(monkeypatch):
    fork_what_is_spawned(monkeypatch)
    said = []
    found = check_gpu(['i2vda'], steps=1, predict=False, progress=said.append)
    assert found.ok, as_markdown(found)
    assert said == ['operators', 'i2vda: against the CPU', 'i2vda: speed and memory', 'two ranks']
    exact, half = found.agreement
    assert (exact['precision'], exact['difference'], exact['update']) == ('float32', 0, 0)
    assert half['precision'] == 'bfloat16'
    assert 0 < half['update'] < 0.5
    assert found.ranks['backend'] == 'gloo'
    assert found.ranks['averaged'] == dict(segmentor=1.0, discriminator=1.0)
    assert 0.5 < found.speed[0]['kernels_share'] <= 1
    assert found.speed[0]['peak_GiB'] > found.speed[1]['peak_GiB'] > 0.01
    json.dumps(found._asdict())
    text = as_markdown(found)
    assert text.startswith('# CPU, ')
    assert 'all well' in text
    assert '| i2vda | float32 | ' in text
    assert operators.ADVICE in text


def test_every_method_has_both_sizes():
    assert all(config_path(leaf(method, small)).is_file() for method in METHODS for small in (True, False))


def test_an_unknown_method():
    with pytest.raises(ConfigError, match='--methods'):
        check_gpu(['i2vdaa'])


def test_a_device_that_computes_otherwise_is_found(monkeypatch):
    figures = agreement.figures

    def off(path, precision, device, batches):
        found = figures(path, precision, device, batches)
        return found if device == 'cpu' else found._replace(update=1.1 * found.update)

    def on_the_cpu(path, precision, device, batches):
        return build_steps(path, precision, 'cpu', batches)

    monkeypatch.setattr(agreement, 'figures', off)
    monkeypatch.setattr(agreement, 'build_steps', on_the_cpu)
    (row,) = compare_with_cpu('source_only', ('float32',), 'another')
    assert not row['ok']
    assert row['update'] == pytest.approx(0.1)
    assert row['difference'] == 0


def test_a_device_that_fails_is_a_row(monkeypatch):
    build = agreement.build_steps

    def failing(path, precision, device, batches):
        if precision == 'bfloat16':
            raise RuntimeError('no kernel image is available\nfor execution')
        return build(path, precision, device, batches)

    monkeypatch.setattr(agreement, 'build_steps', failing)
    exact, half = compare_with_cpu('source_only', ('float32', 'bfloat16'), 'cpu')
    assert exact['ok']
    assert (half['ok'], half['error']) == (False, 'no kernel image is available')


def test_a_wrong_correlation_is_found(monkeypatch):
    monkeypatch.setattr(operators, 'correlation', lambda a, b, *options: 1.01 * operators.by_formula(a, b, *options))
    ours, compiled = operators.check_correlation('cpu', small=True)
    assert not ours['ok']
    assert ours['difference'] == pytest.approx(0.01, rel=1e-3)
    assert compiled['note'] == operators.ADVICE


def test_a_term_that_is_not_a_number_differs_most():
    name, difference = largest_difference([dict(a=1.0, b=1.0)], [dict(a=2.0, b=float('nan'))])
    assert name == 'b'
    assert math.isnan(difference)


def test_the_occupation_of_a_device():
    assert covered([]) == (0.0, 0.0)
    assert covered([(5, 6), (0, 1)]) == (pytest.approx(2 / 6), 4)
    x = torch.rand(64, 64)
    busy = occupation(lambda: x @ x, 'cpu')
    assert busy.kernels >= 1
    assert 0 < busy.share <= 1


def test_labels_of_blank_batches_have_several_classes():
    batch = blank_batches(leaf('cbst', small=True), count=1)[0]
    for domain in batch.values():
        assert min(len(sample.gt_sem_seg.data.unique()) for sample in domain['data_samples']) > 3
