"""A network of mmflow inside I2VDA on two ranks."""

import warnings
from importlib.util import find_spec

import pytest
import torch
from ddp import run_on_ranks
from helpers import domain_batch, optimizers, sharpen, state_of, tiny_i2vda
from mmengine.dist import broadcast
from mmengine.model import MMSeparateDistributedDataParallel
from mmengine.registry import init_default_scope
from torch.nn.parallel import DistributedDataParallel

import i2vda_mmseg  # noqa: F401 - registers everything, also on a rank

pytestmark = [
    pytest.mark.ddp,
    pytest.mark.slow,
    pytest.mark.skipif(find_spec('mmflow') is None, reason='mmflow is not installed'),
]


def on_a_rank(rank):
    init_default_scope('mmseg')
    warnings.filterwarnings('ignore', message='.*has random weights')
    torch.manual_seed(1)  # the same flow network everywhere, as from a checkpoint
    wrapper = MMSeparateDistributedDataParallel(
        sharpen(tiny_i2vda(flow_estimator=dict(type='MMFlow', model='pwcnet'))), device_ids=None
    )
    model, flow = wrapper.module, wrapper.module.flow_estimator
    for value in model.state_dict().values():
        broadcast(value)
    steps = optimizers(wrapper, lr=0.05)
    flow_before = {name: value.clone() for name, value in state_of(flow).items()}
    start = {name: value.detach().clone() for name, value in model.named_parameters() if value.requires_grad}
    wrapper.train()
    logged = [set(wrapper.train_step(domain_batch(seed=10 * rank + i), steps)) for i in range(2)]
    own = {id(parameter) for parameter in flow.parameters()}
    wrapped = [module for module in model.modules() if isinstance(module, DistributedDataParallel)]
    return dict(
        start=start,
        weights={name: value.detach() for name, value in model.named_parameters() if value.requires_grad},
        logged=logged,
        flow_is_as_it_was=all(torch.equal(value, flow_before[name]) for name, value in state_of(flow).items()),
        wrapped=len(wrapped),
        in_a_bucket=sum(id(parameter) in own for module in wrapped for parameter in module.parameters()),
        in_an_optimizer=sum(
            id(parameter) in own
            for optimizer in steps.values()
            for group in optimizer.optimizer.param_groups
            for parameter in group['params']
        ),
        stored=[name for name in model.state_dict() if 'flow_estimator' in name],
        training=[name for name, module in flow.named_modules() if module.training],
        flow_weights=len(own),
    )


@pytest.fixture(scope='module')
def ranks(tmp_path_factory):
    return run_on_ranks(on_a_rank, tmp_path_factory.mktemp('ranks'))


def test_parameters_are_identical_after_two_steps(ranks):
    first, second = (rank['weights'] for rank in ranks)
    assert first.keys() == second.keys()
    assert all(torch.equal(value, second[name]) for name, value in first.items())
    assert not all(torch.equal(value, ranks[0]['start'][name]) for name, value in first.items())
    assert all('loss_tc' in logged for rank in ranks for logged in rank['logged'])


def test_the_flow_network_is_in_no_checkpoint_optimizer_or_bucket(ranks):
    for rank in ranks:
        assert rank['flow_weights'] > 100
        assert rank['wrapped'] == 2  # M and D
        assert (rank['in_a_bucket'], rank['in_an_optimizer'], rank['stored']) == (0, 0, [])
        assert rank['training'] == []
        assert rank['flow_is_as_it_was']
