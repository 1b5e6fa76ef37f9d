import json

import pytest

from i2vda_mmseg.engine.report.run_record import read_run, short_names
from i2vda_mmseg.engine.report.scalars import read_scalars


def log(folder, name, *entries, end=''):
    stamp = folder / name / 'vis_data'
    stamp.mkdir(parents=True)
    (stamp / 'scalars.json').write_text('\n'.join(map(json.dumps, entries)) + end)


def iteration(step, loss):
    return dict(loss_seg=loss, iter=step, step=step)


def test_a_resumed_run_is_one_curve(tmp_path):
    # Killed after 40 with its last checkpoint at 20: iterations 30 and 40 were trained again.
    log(tmp_path, '20260101_000000', *(iteration(step, 1.0) for step in (10, 20, 30, 40)), dict(mIoU=3.0, step=40))
    log(tmp_path, '20260102_000000', iteration(30, 2.0), dict(mIoU=7.0, step=30))
    train, validation, torn = read_scalars(tmp_path)
    assert train['loss_seg'] == {10: 1.0, 20: 1.0, 30: 2.0}
    assert validation['mIoU'] == {30: 7.0}
    assert torn == 0


def test_a_run_started_afresh_leaves_nothing_of_the_one_before(tmp_path):
    log(tmp_path, '20260101_000000', *(iteration(step, 1.0) for step in (10, 20, 30)), dict(mIoU=3.0, step=20))
    log(tmp_path, '20260102_000000', iteration(10, 2.0))
    train, validation, _ = read_scalars(tmp_path)
    assert train['loss_seg'] == {10: 2.0}
    assert not validation['mIoU']


def test_a_torn_line_and_what_is_not_finite_are_left_out(tmp_path):
    log(tmp_path, 'a', iteration(10, 1.0), iteration(20, float('nan')), end='\n{"loss_seg": 0.3, "it')
    train, _, torn = read_scalars(tmp_path)
    assert train['loss_seg'] == {10: 1.0}
    assert torn == 1
    assert '1 unreadable line of its scalars.json' in read_run(tmp_path).missing


def test_a_test_alone_starts_no_curve_anew(tmp_path):
    log(tmp_path, '20260101_000000', iteration(10, 1.0), dict(mIoU=3.0, step=10))
    log(tmp_path, '20260102_000000', dict(mIoU=9.0, time=0.1))
    train, validation, _ = read_scalars(tmp_path)
    assert (train['loss_seg'], validation['mIoU']) == ({10: 1.0}, {10: 3.0})


def test_an_empty_work_dir_says_what_it_lacks(tmp_path):
    run = read_run(tmp_path)
    assert run.metrics is None
    assert run.config is None
    text = ' '.join(run.missing)
    for lacking in ('metrics.json', 'scalars.json', 'not validated', 'no config'):
        assert lacking in text
    with pytest.raises(FileNotFoundError, match='no checkpoint'):
        run.checkpoint()


@pytest.mark.parametrize('content', ['{"mIoU": 5', '[1, 2]'])
def test_a_damaged_metrics_file_is_named(tmp_path, content):
    (tmp_path / 'metrics.json').write_text(content)
    run = read_run(tmp_path)
    assert run.metrics is None
    assert any('metrics.json is no' in line for line in run.missing)


def test_a_config_that_fails_is_named(tmp_path):
    (tmp_path / 'broken.py').write_text('model = dict(\n')
    assert any('broken.py cannot be read' in line for line in read_run(tmp_path).missing)


def test_no_folder_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError, match=r'there is no work dir .*nowhere'):
        read_run(tmp_path / 'nowhere')


def test_weights_are_found_where_the_work_dir_was_moved_to(tmp_path):
    (tmp_path / 'last_checkpoint').write_text('/elsewhere/work/iter_8.pth')
    (tmp_path / 'iter_8.pth').touch()
    (tmp_path / 'iter_4.pth').touch()
    assert read_run(tmp_path).checkpoint() == tmp_path / 'iter_8.pth'
    assert read_run(tmp_path).checkpoint('iter_4.pth') == tmp_path / 'iter_4.pth'
    (tmp_path / 'metrics.json').write_text('{"checkpoint": "/elsewhere/work/iter_4.pth"}')
    assert read_run(tmp_path).checkpoint() == tmp_path / 'iter_4.pth'  # what was tested
    with pytest.raises(FileNotFoundError, match=r'no checkpoint iter_5\.pth'):
        read_run(tmp_path).checkpoint('iter_5.pth')


def test_the_config_of_the_training_counts_not_that_of_a_later_test(tmp_path):
    log(tmp_path, '20260101_000000', iteration(10, 1.0))
    (tmp_path / '20260101_000000/vis_data/config.py').write_text("load_from = 'init.pth'\n")
    later = tmp_path / '20260102_000000/vis_data'
    later.mkdir(parents=True)
    (later / 'config.py').write_text("load_from = 'iter_8.pth'\n")
    (tmp_path / 'name.py').write_text("load_from = 'iter_8.pth'\n")
    assert read_run(tmp_path).config.load_from == 'init.pth'


def test_the_same_folder_twice_has_two_names():
    assert short_names(['/a/x', '/a/x', '/b/y']) == ['x (1)', 'x (2)', 'y']
