import json
import shutil

import pytest

from i2vda_mmseg.reporting.build import build_report
from i2vda_mmseg.reporting.run_record import read_run
from i2vda_mmseg.reporting.seeds import seed_table


@pytest.fixture
def make(two_runs, tmp_path):
    """A run of a seed with an mIoU, whose data lie in a folder of that seed; more of its config may be replaced."""

    def run(name, seed, miou, settings=''):
        folder = shutil.copytree(two_runs[0], tmp_path / name)
        path = folder / 'metrics.json'
        path.write_text(json.dumps(json.loads(path.read_text()) | dict(mIoU=miou, TC=miou / 100)))
        for config in folder.glob('*/vis_data/config.py'):
            text = f'\nrandomness = dict(seed={seed})\nload_from = "init_{seed}.pth"\n{settings}\n'
            config.write_text(config.read_text() + text)
        return read_run(folder)

    return run


def test_runs_of_one_setting_and_several_seeds_are_one_row(make):
    runs = [make('i2vda/seed_3', 3, 50.0), make('other', 3, 10.0, 'train_cfg = dict(max_iters=7)')]
    runs += [make('i2vda/seed_4', 4, 53.0), make('i2vda/seed_5', 5, 56.0)]
    table = seed_table(runs)
    assert table.figures[:2] == ['mIoU', 'TC']
    (row,) = table.rows
    assert (row.runs, row.seeds) == ([0, 2, 3], '3, 4, 5')
    assert row.cells[:2] == ['53.0 ± 3.0', '53.0 ± 3.0']


def test_one_seed_trained_twice_says_nothing_of_seeds(make):
    assert not seed_table([make('first', 3, 50.0), make('again', 3, 50.0)]).rows


def test_a_figure_that_a_run_lacks_has_no_mean(make):
    first, other = make('a_seed_1', 1, 50.0), make('a_seed_2', 2, 51.0)
    del other.metrics['TC']
    (row,) = seed_table([first, other]).rows
    assert (row.name, row.cells[0], row.cells[1]) == ('a', '50.5 ± 0.7', '')


def test_the_page_shows_them(make, tmp_path):
    folders = [make('a_seed_1', 1, 50.0).folder, make('a_seed_2', 2, 52.0).folder]
    page = build_report(folders, tmp_path / 'page.html').read_text()
    assert 'Several seeds' in page
    assert '51.0 ± 1.4' in page
