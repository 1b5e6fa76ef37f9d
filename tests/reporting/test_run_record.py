import json

import pytest

from i2vda_mmseg.reporting.run_record import read_run, short_names


def test_an_empty_work_dir_says_what_it_lacks(tmp_path):
    run = read_run(tmp_path)
    assert run.metrics is None
    assert run.config is None
    text = ' '.join(run.missing)
    for lacking in ('metrics.json', 'scalars.json', 'not validated', 'no config'):
        assert lacking in text
    with pytest.raises(FileNotFoundError, match='no checkpoint'):
        run.weights()


@pytest.mark.parametrize('content', ['{"mIoU": 5', '[1, 2]'])
def test_a_damaged_metrics_file_is_named(tmp_path, content):
    (tmp_path / 'metrics.json').write_text(content)
    run = read_run(tmp_path)
    assert run.metrics is None
    assert any('metrics.json is no' in line for line in run.missing)


def test_what_is_no_json_number_is_no_figure(tmp_path):
    (tmp_path / 'metrics.json').write_text('{"mIoU": NaN, "TC": 1e999, "IoU": {"road": -Infinity, "sky": 2.5}}')
    assert read_run(tmp_path).metrics == dict(mIoU=None, TC=None, IoU=dict(road=None, sky=2.5))


def test_a_config_that_fails_is_named(tmp_path):
    (tmp_path / 'broken.py').write_text('model = dict(\n')
    assert any('broken.py cannot be read' in line for line in read_run(tmp_path).missing)


def test_no_folder_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError, match=r'there is no work dir .*nowhere'):
        read_run(tmp_path / 'nowhere')


@pytest.mark.parametrize('odd', ['5', 'null', '["iter_8.pth"]', '""'])
def test_what_is_no_path_is_no_tested_checkpoint(tmp_path, odd):
    (tmp_path / 'metrics.json').write_text(f'{{"checkpoint": {odd}}}')
    (tmp_path / 'last_checkpoint').write_text('iter_8.pth')
    (tmp_path / 'iter_8.pth').touch()
    assert read_run(tmp_path).weights() == (tmp_path / 'iter_8.pth', '')


def test_the_config_of_the_training_counts_not_that_of_a_later_test(tmp_path):
    trained = tmp_path / '20260101_000000/vis_data'
    trained.mkdir(parents=True)
    (trained / 'scalars.json').write_text(json.dumps(dict(loss_seg=1.0, iter=10, step=10)))
    (trained / 'config.py').write_text("load_from = 'init.pth'\n")
    later = tmp_path / '20260102_000000/vis_data'
    later.mkdir(parents=True)
    (later / 'config.py').write_text("load_from = 'iter_8.pth'\n")
    (tmp_path / 'name.py').write_text("load_from = 'iter_8.pth'\n")
    assert read_run(tmp_path).config.load_from == 'init.pth'


def test_the_same_folder_twice_has_two_names():
    assert short_names(['/a/x', '/a/x', '/b/y']) == ['x (1)', 'x (2)', 'y']
