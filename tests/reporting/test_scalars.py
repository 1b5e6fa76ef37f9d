import json

import pytest

from i2vda_mmseg.apis.launch import load_config, resume_after_restart
from i2vda_mmseg.reporting.run_record import read_run
from i2vda_mmseg.reporting.scalars import read_scalars

FRESH, RESUMED = "load_from = 'init.pth'\nresume = False\n", "load_from = 'iter_20.pth'\nresume = True\n"


def log(folder, name, *entries, config=None, end=''):
    stamp = folder / name / 'vis_data'
    stamp.mkdir(parents=True)
    (stamp / 'scalars.json').write_text('\n'.join(map(json.dumps, entries)) + end)
    if config is not None:
        (stamp / 'config.py').write_text(config)


def iterations(steps, loss):
    return [dict(loss_seg=loss, iter=step, step=step) for step in steps]


@pytest.mark.parametrize('config', [RESUMED, None])
def test_a_resumed_run_is_one_curve(tmp_path, config):
    # Killed after 40 with its last checkpoint at 20: iterations 30 and 40 were trained again.
    log(tmp_path, '20260101_000000', *iterations((10, 20, 30, 40), 1.0), dict(mIoU=3.0, step=40), config=FRESH)
    log(tmp_path, '20260102_000000', *iterations((30,), 2.0), dict(mIoU=7.0, step=30), config=config)
    train, validation, torn = read_scalars(tmp_path)
    assert train['loss_seg'] == {10: 1.0, 20: 1.0, 30: 2.0}
    assert validation['mIoU'] == {30: 7.0}
    assert torn == 0


@pytest.mark.parametrize('first', [10, 30])
@pytest.mark.parametrize('config', [FRESH, 'model = dict(\n    resume = True)\n', "note = 'resume = True'\n"])
def test_a_run_started_afresh_leaves_nothing_of_the_one_before(tmp_path, first, config):
    # The second one may log less often, and so for the first time at a later iteration.
    log(tmp_path, '20260101_000000', *iterations((10, 20, 30), 1.0), dict(mIoU=3.0, step=20), config=FRESH)
    log(tmp_path, '20260102_000000', *iterations((first,), 2.0), config=config)
    log(tmp_path, '20260103_000000', *iterations((60,), 3.0), config=RESUMED)
    train, validation, _ = read_scalars(tmp_path)
    assert train['loss_seg'] == {first: 2.0, 60: 3.0}
    assert not validation['mIoU']


def test_a_start_that_is_to_resume_says_whether_it_did(tmp_path, monkeypatch, request):
    """``--resume auto`` on each start: the dumped config tells the first one from those that found a checkpoint."""
    monkeypatch.delenv('TORCHELASTIC_RESTART_COUNT', raising=False)
    monkeypatch.setattr('i2vda_mmseg.apis.launch.find_resumable', lambda folder: next(found))
    checkpoint = tmp_path / 'iter_20.pth'
    checkpoint.touch()
    found = iter([None, checkpoint, None])
    path = str(request.config.rootpath / 'configs/source_only/deeplabv2_r18_streetworld.py')
    expected = [{10: 0.0, 20: 0.0}, {10: 0.0, 20: 0.0, 30: 1.0}, {30: 2.0}]
    for start, steps in enumerate([(10, 20), (30,), (30,)]):
        config = load_config(path, None, str(tmp_path))
        resume_after_restart(config, 'auto')
        log(tmp_path, f'2026010{start}_000000', *iterations(steps, float(start)))
        config.dump(str(tmp_path / f'2026010{start}_000000/vis_data/config.py'))
        assert read_scalars(tmp_path)[0]['loss_seg'] == expected[start]


def test_a_torn_line_and_what_is_not_finite_are_left_out(tmp_path):
    log(tmp_path, 'a', *iterations((10,), 1.0), *iterations((20,), float('nan')), end='\n{"loss_seg": 0.3, "it')
    train, _, torn = read_scalars(tmp_path)
    assert train['loss_seg'] == {10: 1.0}
    assert torn == 1
    assert '1 unreadable line of its scalars.json' in read_run(tmp_path).missing


def test_a_test_alone_starts_no_curve_anew(tmp_path):
    log(tmp_path, '20260101_000000', *iterations((10,), 1.0), dict(mIoU=3.0, step=10), config=FRESH)
    log(tmp_path, '20260102_000000', dict(mIoU=9.0, time=0.1), config=FRESH)
    train, validation, _ = read_scalars(tmp_path)
    assert (train['loss_seg'], validation['mIoU']) == ({10: 1.0}, {10: 3.0})


def test_a_later_run_that_logged_to_tensorboard_alone_leaves_no_curves_of_the_earlier(tmp_path):
    log(tmp_path, '20260101_000000', *iterations((10, 20), 1.0), dict(mIoU=3.0, step=20), config=FRESH)
    later = tmp_path / '20260102_000000/vis_data'
    later.mkdir(parents=True)
    (later / 'events.out.tfevents.1.host.1.0').touch()
    train, validation, _ = read_scalars(tmp_path)
    assert not train['loss_seg']
    assert not validation['mIoU']
    log(tmp_path, '20260103_000000', *iterations((10,), 4.0), config=FRESH)
    assert read_scalars(tmp_path)[0]['loss_seg'] == {10: 4.0}
