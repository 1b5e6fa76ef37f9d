import gc

import pytest
import torch
from forks import plain_configs
from mmengine.registry import init_default_scope

import i2vda_mmseg  # noqa: F401 - registers everything

torch.set_num_threads(1)  # on tensors this small, threads that wait for each other take longer than the work


def pytest_collection_modifyitems(items):
    """Start with the files whose tests take long, so that in the end no processor waits for one; do not trace these.

    Coverage takes a third of the time of what it traces, which is mostly code of others.
    """
    slow = [item for item in items if item.get_closest_marker('slow')]
    for item in slow:
        item.add_marker('no_cover')
    first = {item.path for item in slow}
    items.sort(key=lambda item: item.path not in first)


@pytest.fixture(autouse=True, scope='session')
def brief_logs():
    with plain_configs():
        yield


@pytest.fixture(autouse=True, scope='session')
def frozen_imports():
    """Keep what is imported out of garbage collection, which every data set asks for, and which takes 0.2 s there."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def scope_and_seed():
    """Build models by their bare names, and draw the same numbers whatever ran before."""
    init_default_scope('mmseg')
    torch.manual_seed(0)
