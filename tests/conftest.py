import pytest
import torch
from mmengine.registry import init_default_scope

import i2vda_mmseg  # noqa: F401 - registers everything


@pytest.fixture(autouse=True)
def scope_and_seed():
    """Build models by their bare names, and draw the same numbers whatever ran before."""
    init_default_scope('mmseg')
    torch.manual_seed(0)
