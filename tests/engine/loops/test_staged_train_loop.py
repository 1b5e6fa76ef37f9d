import os
import shutil
import signal

import pytest
import torch
from mmengine.hooks import Hook
from staged_runs import LABELLED, intrada, make_trees, rounds, train

from i2vda_mmseg.engine.checkpoints import read_checkpoint
from i2vda_mmseg.engine.hooks.preemption_hook import PREEMPTED
from i2vda_mmseg.engine.labelling import class_balanced_labeller

STAGES = rounds(0.4, 0.6, iters=2)


@pytest.fixture(scope='module')
def data(tmp_path_factory):
    return make_trees(tmp_path_factory.mktemp('trees'))


@pytest.fixture(scope='module')
def whole(data, tmp_path_factory):
    """The work dir of an uninterrupted run of three stages of two iterations."""
    folder = tmp_path_factory.mktemp('runs') / 'whole'
    train(data, folder, stages=STAGES)
    return folder


def part_of(whole, folder, iteration, *kept):
    """Copy of a work dir a checkpoint and some more, and say how to go on from there."""
    folder.mkdir()
    shutil.copy(whole / f'iter_{iteration}.pth', folder)
    for path in kept:
        copy = shutil.copytree if (whole / path).is_dir() else shutil.copy
        copy(whole / path, folder / path)
    return dict(resume=True, load_from=str(folder / f'iter_{iteration}.pth'))


def flat(value, place=''):
    """The leaves of nested dicts and lists, by their place."""
    if isinstance(value, (dict, list, tuple)):
        items = value.items() if isinstance(value, dict) else enumerate(value)
        return {key: leaf for name, child in items for key, leaf in flat(child, f'{place}.{name}').items()}
    return {place: value}


def state_of(path):
    content = read_checkpoint(path)
    return flat({key: content[key] for key in ('state_dict', 'optimizer', 'param_schedulers')})


def differences(first, second):
    assert first.keys() == second.keys()
    return [k for k, v in first.items() if not (torch.equal(v, second[k]) if torch.is_tensor(v) else v == second[k])]


def pictures(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob('*.png')}


@pytest.mark.parametrize(
    ('iteration', 'kept', 'workers'),
    [(1, [], 0), (2, [], 2), (3, ['pseudo_labels/stage_1'], 0), (3, ['pseudo_labels/stage_1'], 2), (4, [], 0)],
)
def test_a_resumed_run_equals_an_uninterrupted_one(whole, data, tmp_path, iteration, kept, workers):
    options = part_of(whole, tmp_path / 'run', iteration, *kept)
    train(data, tmp_path / 'run', stages=STAGES, workers=workers, **options)
    assert differences(state_of(whole / 'iter_6.pth'), state_of(whole / 'iter_5.pth')) != []
    assert differences(state_of(tmp_path / 'run/iter_6.pth'), state_of(whole / 'iter_6.pth')) == []
    assert differences(*(flat(read_checkpoint(f / 'stage_2.pth')) for f in (whole, tmp_path / 'run'))) == []


@pytest.mark.parametrize(('iteration', 'kept'), [(1, ['initial_weights.pth']), (3, ['pseudo_labels/stage_1'])])
def test_a_resumed_restart_equals_an_uninterrupted_one(data, tmp_path, iteration, kept):
    stages = intrada(iters=2)
    train(data, tmp_path / 'whole', model='AdvEnt', stages=stages)
    options = part_of(tmp_path / 'whole', tmp_path / 'run', iteration, *kept)
    train(data, tmp_path / 'run', model='AdvEnt', stages=stages, **options)
    assert differences(*(state_of(tmp_path / name / 'iter_4.pth') for name in ('whole', 'run'))) == []


def after_labels(monkeypatch, count, act):
    """Let something happen once so many labels are written; gives the paths of those, as they grow."""
    written, write = [], class_balanced_labeller.write_labels

    def write_and_act(path, labels):
        write(path, labels)
        written.append(path)
        if len(written) == count:
            act()

    monkeypatch.setattr(class_balanced_labeller, 'write_labels', write_and_act)
    return written


def die():
    raise KeyboardInterrupt


def test_a_run_that_is_killed_while_it_labels_starts_the_labels_again(whole, data, tmp_path, monkeypatch):
    after_labels(monkeypatch, 3, die)
    with pytest.raises(KeyboardInterrupt):
        train(data, tmp_path / 'run', stages=STAGES)
    monkeypatch.undo()
    labels = tmp_path / 'run/pseudo_labels'
    assert [path.name for path in labels.iterdir()] == ['.stage_1.tmp']
    options = dict(resume=True, load_from=str(tmp_path / 'run/iter_2.pth'))
    train(data, tmp_path / 'run', stages=STAGES, **options)
    assert sorted(path.name for path in labels.iterdir()) == ['stage_1', 'stage_2']
    assert pictures(labels) == pictures(whole / 'pseudo_labels')
    assert differences(state_of(tmp_path / 'run/iter_6.pth'), state_of(whole / 'iter_6.pth')) == []


def test_a_run_that_is_asked_to_stop_while_it_labels_does_so_at_once(whole, data, tmp_path, monkeypatch):
    written = after_labels(monkeypatch, 2, lambda: os.kill(os.getpid(), signal.SIGTERM))
    hooks = {'custom_hooks': [dict(type='PreemptionHook')]}
    with pytest.raises(SystemExit) as left:
        train(data, tmp_path / 'run', stages=STAGES, **hooks)
    monkeypatch.undo()
    assert left.value.code == PREEMPTED
    assert len(written) < len(LABELLED)
    options = dict(resume=True, load_from=str(tmp_path / 'run/iter_2.pth'))
    train(data, tmp_path / 'run', stages=STAGES, **options, **hooks)
    assert differences(state_of(tmp_path / 'run/iter_6.pth'), state_of(whole / 'iter_6.pth')) == []


def test_weights_of_a_stage_that_went_wrong_at_last_are_not_kept(data, tmp_path):
    class Late(Hook):
        """Learns of an iteration's numbers when it is asked for them, as those of a GPU are learnt of."""

        def deliver(self, runner):
            raise FloatingPointError(f'iteration {runner.iter + 1}')

    with pytest.raises(FloatingPointError, match='iteration 2'):
        train(data, tmp_path, stages=STAGES, custom_hooks=[Late()], **{'default_hooks.checkpoint.interval': 100})
    assert not (tmp_path / 'stage_0.pth').exists()


def test_what_is_gone_is_named(whole, data, tmp_path):
    options = part_of(whole, tmp_path / 'labels', 3)
    with pytest.raises(FileNotFoundError, match=r'within stage 1, .* gone: .*stage_1; .* iteration 2 or before'):
        train(data, tmp_path / 'labels', stages=STAGES, **options)
    options = part_of(whole, tmp_path / 'weights', 1)
    restarting = [dict(iters=2), dict(iters=2, restart=True)]
    with pytest.raises(FileNotFoundError, match=r'initial_weights\.pth is gone'):
        train(data, tmp_path / 'weights', stages=restarting, **options)


def test_each_stage_begins_without_momenta_at_its_learning_rate(whole):
    optimizers = [read_checkpoint(whole / f'iter_{i}.pth')['optimizer']['segmentor'] for i in range(1, 7)]
    assert [bool(optimizer['state']) for optimizer in optimizers] == [True, False, True, False, True, True]
    rates = [optimizer['param_groups'][0]['lr'] for optimizer in optimizers]
    assert rates[0] < 0.05  # the decay of the first stage
    assert rates[1] == rates[3] == 0.025


def test_every_stage_leaves_its_weights_and_labels(whole):
    for index, last in enumerate((2, 4, 6)):
        weights = read_checkpoint(whole / f'stage_{index}.pth')
        assert differences(weights['state_dict'], read_checkpoint(whole / f'iter_{last}.pth')['state_dict']) == []
        assert len(weights['meta']['dataset_meta']['classes']) == 15
    first, second = (pictures(whole / f'pseudo_labels/stage_{index}') for index in (1, 2))
    assert sorted(first) == sorted(second) == [f'{name}.png' for name in LABELLED]
    assert first != second


def test_a_restart_goes_back_to_the_initial_weights(data, tmp_path):
    stages = intrada(iters=2)
    stages[1]['lr_factor'] = 0.0
    runner = train(data, tmp_path, model='AdvEnt', stages=stages)
    states = [
        read_checkpoint(tmp_path / f'{name}.pth')['state_dict'] for name in ('initial_weights', 'stage_0', 'stage_1')
    ]
    names = [name for name in states[0] if name.endswith(('weight', 'bias'))]
    initial, between, end = ({name: state[name] for name in names} for state in states)
    assert len(differences(initial, between)) > len(names) / 2
    assert differences(initial, end) == []
    assert runner.model.stage == 1
    dataset = runner.train_dataloader.dataset
    assert [len(dataset.source), len(dataset.target)] == [4, 2]
    easy, hard = ([d.get_data_info(i)['img_path'] for i in range(len(d))] for d in (dataset.source, dataset.target))
    assert len({*easy, *hard}) == 6


def test_a_run_may_end_before_its_stages_do(data, tmp_path):
    runner = train(data, tmp_path, stages=STAGES, **{'train_cfg.max_iters': 3})
    assert (runner.iter, runner.max_iters) == (3, 3)
    assert (tmp_path / 'stage_1.pth').is_file()
    assert not (tmp_path / 'stage_2.pth').exists()


def test_rates_decay_over_each_stage_and_start_anew(data, tmp_path):
    """With the schedulers' last value on the iteration after the stage, and a warm-up that begins with a stage."""
    schedulers = [
        dict(type='PolyLR', power=0.9, begin=0, end=4, by_epoch=False),
        dict(type='LinearLR', start_factor=0.25, begin=3, end=5, by_epoch=False),
        dict(type='PolyLR', power=0.9, begin=3, end=7, by_epoch=False),
    ]
    stages = rounds(0.4, 0.6)
    train(data, tmp_path, stages=stages, param_scheduler=dict(segmentor=schedulers))
    decay = [(1 - i / 3) ** 0.9 for i in range(3)]
    expected = [*decay, 0.5 * 0.25 * decay[0], 0.5 * decay[1], 0.5 * decay[2], 0.5, 0.5, 0.5]
    saved = [read_checkpoint(tmp_path / f'iter_{i}.pth')['optimizer']['segmentor'] for i in range(1, 9)]
    rates = [state['param_groups'][0]['lr'] for state in saved]
    assert rates == pytest.approx([0.05 * factor for factor in expected[1:]], rel=1e-12)
    assert [i for i, state in enumerate(saved, 1) if not state['state']] == [3, 6]
