import math
from types import SimpleNamespace

import pytest
import torch
from ddp import run_on_ranks
from helpers import data_sample, domain_batch, optimizers, ready, state_of, tiny_method
from mmengine.registry import init_default_scope
from mmseg.registry import HOOKS

import i2vda_mmseg  # noqa: F401 - registers everything, also on a rank
from i2vda_mmseg.engine.hooks.check_finite_hook import is_finite, sample_paths
from i2vda_mmseg.errors import NonFiniteError


class Run:
    """A training loop with the hook, as the runner calls it."""

    def __init__(self, method='AdaptSegNet', max_skipped=30, model=None, **wrapper):
        self.model = model or ready(tiny_method(method))
        self.runner = SimpleNamespace(
            model=self.model, iter=0, max_iters=9, work_dir='work', optim_wrapper=optimizers(self.model, **wrapper)
        )
        self.hook = HOOKS.build(dict(type='CheckFiniteHook', max_skipped=max_skipped))
        self.hook.before_train(self.runner)

    def step(self, poison=None):
        batch = domain_batch(seed=self.runner.iter, size=1)
        name = f'{self.runner.iter}.png'
        batch['source']['data_samples'][0].set_metainfo(dict(img_path=f'source/{name}'))
        batch['target']['data_samples'] = [data_sample(frame_paths=(f'target/a{name}', f'target/b{name}'))]
        self.hook.before_train_iter(self.runner, self.runner.iter, batch)
        outputs = self.model.train_step(batch, self.runner.optim_wrapper)
        if poison:
            outputs[poison] = torch.tensor(math.nan)
        self.hook.after_train_iter(self.runner, self.runner.iter, batch, outputs)
        self.runner.iter += 1


def spoil_gradient(module, value):
    """Let the gradient of one weight of a network come out as ``value`` in one place; its losses stay as they are."""

    def spoil(gradient):
        spoilt = gradient.clone()
        spoilt.view(-1)[1] = value
        return spoilt

    return next(module.parameters()).register_hook(spoil)


@pytest.mark.parametrize('network', ['segmentor', 'discriminator'])
@pytest.mark.parametrize('value', [math.nan, math.inf, -math.inf])
def test_a_gradient_that_went_wrong_stays_out_of_the_weights(network, value):
    run = Run()
    run.step()
    before = state_of(getattr(run.model, network))
    spoil_gradient(getattr(run.model, network), value)
    with pytest.raises(NonFiniteError) as caught:
        run.step()
    after = state_of(getattr(run.model, network))
    assert all(torch.equal(after[name], before[name]) for name in after if before[name].requires_grad)
    message = str(caught.value)
    first = next(name for name, _ in run.model.named_parameters() if name.startswith(network))
    assert f'iteration 2 of 9: the gradient of {network} is not finite in 1 tensors' in message
    assert f'the first of them {first}.' in message
    terms = message.partition('Loss terms: ')[2].partition('. Samples: ')[0].split(', ')
    names = ['loss_seg', 'loss_adv'] + (['loss_dis'] if network == 'discriminator' else [])
    assert [term.split('=')[0] for term in terms] == names
    assert all(math.isfinite(float(term.split('=')[1])) for term in terms)
    assert 'Samples: source source/1.png, target target/a1.png + target/b1.png.' in message
    assert 'the last checkpoint in work is good' in message


@pytest.mark.parametrize(('network', 'terms'), [
    ('segmentor', 'loss_seg=nan, loss_adv=nan'),
    ('discriminator', 'loss_adv=nan'),
])  # fmt: skip
def test_a_loss_that_went_wrong_is_named(network, terms):
    run = Run()
    with torch.no_grad():
        next(getattr(run.model, network).parameters())[0] = math.nan
    with pytest.raises(NonFiniteError, match=f'iteration 1 of 9: the gradient of segmentor .*{terms}'):
        run.step()


@pytest.mark.parametrize('term', ['loss_seg', 'loss_dis'])
def test_a_loss_with_a_finite_gradient_stops_as_well(term):
    run = Run()
    with pytest.raises(NonFiniteError, match=f'{term} went wrong.*{term}=nan'):
        run.step(poison=term)


def test_samples_of_the_whole_window():
    run = Run(accumulative_counts=2)
    spoil = spoil_gradient(run.model.segmentor, math.nan)
    run.step()  # no step of the optimizer is due yet
    spoil.remove()
    with pytest.raises(NonFiniteError, match=r'iteration 2 of 9.*source/0\.png.*source/1\.png'):
        run.step()


def test_no_valid_pseudo_label_is_nothing_wrong():
    head = dict(type='OcclusionAwarePseudoLabelHead', delta=0.8, eta=1e-9)
    run = Run(model=ready(tiny_method('I2VDA', pseudo_label_head=head)))
    run.step()
    assert run.model.loss_terms['pseudo_label_ratio'] == 0
    assert run.model.loss_terms['loss_tc'] == 0


def test_after_training_the_optimizers_are_as_before():
    run = Run()
    run.hook.after_train(run.runner)
    spoil_gradient(run.model.discriminator, math.nan)
    run.step()
    assert not is_finite(run.model.discriminator.parameters())


@pytest.fixture
def scaler(monkeypatch):
    module = 'mmengine.optim.optimizer.amp_optimizer_wrapper'
    monkeypatch.setattr(f'{module}.is_cuda_available', lambda: True)
    monkeypatch.setattr(f'{module}.GradScaler', lambda **options: torch.amp.GradScaler('cpu', **options))
    return dict(type='AmpOptimWrapper', dtype='bfloat16')


def test_a_loss_scaler_may_leave_out_steps_but_not_for_ever(scaler):
    run = Run(max_skipped=3, **scaler)
    for _ in range(2):
        spoil = spoil_gradient(run.model.segmentor, math.inf)
        for _ in range(3):
            run.step()
        spoil.remove()
        run.step()  # the count begins anew
    spoil_gradient(run.model.segmentor, math.nan)
    for _ in range(3):
        run.step()
    with pytest.raises(NonFiniteError, match=r'iteration 12 .*the loss scaler of segmentor left out 4 steps in a row'):
        run.step()


def test_a_nan_loss_stops_in_spite_of_a_loss_scaler(scaler):
    run = Run(**scaler)
    with pytest.raises(NonFiniteError, match='loss_adv went wrong'):
        run.step(poison='loss_adv')


def on_a_rank(rank):
    """Only rank 1 meets a NaN, and no gradient shows it."""
    init_default_scope('mmseg')
    torch.manual_seed(3)
    run = Run()
    run.step()
    try:
        run.step(poison='loss_seg' if rank == 1 else None)
    except NonFiniteError as error:
        return str(error)
    return 'went on'


@pytest.mark.ddp
@pytest.mark.slow
def test_all_ranks_stop(tmp_path):
    first, second = run_on_ranks(on_a_rank, tmp_path)
    assert "iteration 2 of 9: another rank's loss went wrong, see its message" in first
    assert 'iteration 2 of 9: loss_seg went wrong' in second


@pytest.mark.parametrize(('values', 'expected'), [
    ([0.0, -3e38], True), ([1.0, math.nan], False), ([math.inf, 1.0], False), ([-math.inf], False), ([], True),
])  # fmt: skip
def test_is_finite(values, expected):
    assert is_finite([torch.tensor([1.0, value]).view(2, 1) for value in values]) is expected


def test_samples_without_paths():
    assert sample_paths(None) == []
    assert sample_paths(domain_batch(size=1)) == ['source without a path', 'target without a path']


def test_max_skipped():
    with pytest.raises(ValueError, match='max_skipped must be positive, got 0'):
        HOOKS.build(dict(type='CheckFiniteHook', max_skipped=0))
