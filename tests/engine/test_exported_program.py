import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from i2vda_mmseg.engine.exported_program import adaptive_average, pooling_by_matrices, reason, save_program, trace

X = torch.from_numpy(np.random.default_rng(0).normal(size=(2, 3, 11, 17)).astype(np.float32))


@pytest.mark.parametrize('size', [1, 2, 3, 6, 8, 11, 20, (3, 5), (None, 4), (7, None), (1, 1)])
def test_adaptive_pooling_by_matrices(size):
    for x in (X, X[0]):
        torch.testing.assert_close(adaptive_average(x, size), F.adaptive_avg_pool2d(x, size), atol=1e-6, rtol=1e-5)


def test_modules_are_traced_with_it_and_pool_as_before_afterwards():
    before, module = F.adaptive_avg_pool2d, torch.nn.AdaptiveAvgPool2d(3)
    with pooling_by_matrices():
        torch.testing.assert_close(module(X), before(X, 3), atol=1e-6, rtol=1e-5)
        assert F.adaptive_avg_pool2d is adaptive_average
    with pytest.raises(IndexError), pooling_by_matrices():
        module(X[0, 0, 0])  # of too few dimensions
    assert F.adaptive_avg_pool2d is before


def test_the_operator_is_named_that_the_exporter_could_not_translate():
    try:
        try:
            raise TypeError('Unsupported attribute type: SymbolicTensor\nand a page more')
        except TypeError as error:
            node = 'Error at %conv2d_59 : [num_users=1] = call_function[target=torch.ops.aten.conv2d.default](...)'
            raise RuntimeError(node) from error
    except RuntimeError as error:
        said = reason(error)
    expected = 'it cannot translate this use of the operator aten.conv2d (Unsupported attribute type: SymbolicTensor)'
    assert said == expected
    assert reason(ValueError('no operator in it')) == 'no operator in it'


class Padded(torch.nn.Module):
    """Rounds a size up in Python, as heads do that pad to whole windows."""

    def forward(self, frames):
        """Give as many rows as whole windows have."""
        rows = 8 * math.ceil(frames.shape[2] / 8)
        return (F.pad(frames.float(), (0, 0, 0, rows - frames.shape[2])),)


def test_a_graph_that_torch_cannot_write_is_one_sentence(tmp_path):
    program = trace(Padded(), torch.zeros(2, 3, 17, 24))
    with pytest.raises(ValueError, match=r'^torch\.export cannot write the graph of the network: .*ceil'):
        save_program(program, SimpleNamespace(to_strings=dict), tmp_path / 'network.pt2')
    assert not list(tmp_path.iterdir())
