import numpy as np
import pytest
import torch

from i2vda_mmseg.apis.export_check import reference_batches

IMAGES = [np.zeros((30, 40, 3), np.uint8)]


def network(least, divides=1):
    """Takes frames of at least so many rows and columns, which it must divide."""

    def run(frames):
        height, width = frames.shape[2:]
        if min(height, width) < least or height % divides or width % divides:
            raise RuntimeError(f'{width}x{height} is too small, or odd')
        return (torch.zeros(len(frames), 2, height, width),)

    return run


@pytest.mark.parametrize(('divides', 'second'), [(1, (49, 73)), (32, (32, 64))])
def test_two_sizes_of_which_the_second_is_odd_where_the_network_takes_it(divides, second):
    batches = reference_batches(network(8, divides), IMAGES, (96, 64))
    assert [tuple(batch.frames.shape) for batch in batches] == [
        (count, 3, *size) for size in ((64, 96), second) for count in (1, 2)
    ]


def test_a_network_that_does_not_take_the_size_of_the_config_says_so():
    with pytest.raises(
        ValueError, match=r'^the network does not take frames of 96x64, at which the config tests: 96x64 is'
    ):
        reference_batches(network(100), IMAGES, (96, 64))
