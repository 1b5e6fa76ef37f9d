import gc

import pytest
import torch
from mmengine.registry import init_default_scope

import i2vda_mmseg  # noqa: F401 - registers everything

torch.set_num_threads(1)  # on tensors this small, threads that wait for each other take longer than the work


@pytest.fixture(autouse=True, scope='session')
def plain_configs():
    """Write configs as they are: to lay out their text takes longer than the small runs whose logs hold it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr('yapf.yapflib.yapf_api.FormatCode', lambda text, **_: (text, False))
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
