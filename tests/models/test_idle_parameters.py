"""Parameters that no loss reaches: named in the log, and on several ranks refused with what to set."""

import pytest
import torch
from ddp import run_on_ranks
from helpers import domain_batch, optimizers, tiny_method
from mmengine.model import MMSeparateDistributedDataParallel
from mmengine.registry import init_default_scope
from torch import nn

import i2vda_mmseg  # noqa: F401 - registers everything, also on a rank
from i2vda_mmseg.errors import ConfigError
from i2vda_mmseg.models import idle_parameters


def with_a_spare_part():
    init_default_scope('mmseg')
    torch.manual_seed(0)
    model = tiny_method('SourceOnly')
    model.segmentor.decode_head.spare = nn.Linear(2, 3)
    model._idle = idle_parameters.IdleParameters(model.segmentor)
    return model


def trained_on_ranks(rank):
    """What two iterations say without, and log with, ``find_unused_parameters``."""
    said = []
    for find in (False, True):
        wrapper = MMSeparateDistributedDataParallel(
            with_a_spare_part(), device_ids=None, broadcast_buffers=False, find_unused_parameters=find
        )
        steps = optimizers(wrapper, lr=0.05)
        try:
            logged = [wrapper.train_step(domain_batch(seed=rank), steps) for _ in range(2)]
            said.append(sorted(logged[-1]))
        except ConfigError as error:
            said.append(str(error))
    return said


@pytest.mark.ddp
def test_ranks_name_what_they_wait_for_and_the_setting_that_helps(tmp_path):
    for refused, logged in run_on_ranks(trained_on_ranks, tmp_path):
        assert refused.startswith('find_unused_parameters: 2 parameters of model.segmentor get no gradient')
        assert 'decode_head.spare.weight, decode_head.spare.bias. Set find_unused_parameters = True' in refused
        assert logged == ['decode.loss_ce', 'loss_seg']


def test_one_process_names_them_once_in_its_log(monkeypatch):
    told = []
    monkeypatch.setattr(idle_parameters, 'print_log', lambda text, **_: told.append(text))
    model = with_a_spare_part()
    steps = optimizers(model, lr=0.05)
    for _ in range(2):
        model.train_step(domain_batch(), steps)
    names = 'decode_head.spare.weight, decode_head.spare.bias'
    assert told == [f'model.segmentor: 2 parameters get no gradient and never learn: {names}']
