import json
import shutil

import fake_suite
import pytest

from benchmarks.suites.suites import SUITES


@pytest.fixture
def root(tmp_path, monkeypatch, cluster):
    """A project in which the suite has run for one seed."""
    monkeypatch.setitem(SUITES, 'fake', fake_suite.SUITE)
    root = fake_suite.make_root(tmp_path / 'used')
    assert fake_suite.run(root, seeds=[0]) == 0
    return root


def trained_since(root, known):
    folders = [folder for _, kind, folder in fake_suite.starts(root)[known:] if kind == 'train']
    return sorted(fake_suite.run_of(folder)[0] for folder in folders)


@pytest.mark.parametrize('how_far', ['whole', 'half'])
def test_what_was_trained_with_another_config_is_left_alone(root, tmp_path, how_far):
    before, known = fake_suite.figures(root), len(fake_suite.starts(root))
    (work_dir,) = (root / 'out/runs').glob('third*/seed_0')
    if how_far == 'half':
        (work_dir / 'trained').unlink()
        (work_dir / 'last_checkpoint').write_text(str(work_dir / 'iter_4.pth'))
    (root / 'out/results.json').unlink()
    (root / 'configs/b.py').write_text('shift = 5\n')
    assert fake_suite.run(root, resume=None, seeds=[0]) == 0
    assert trained_since(root, known) == ['third']
    again = fake_suite.figures(root)
    assert {key for key in before if before[key] != again[key]} == {('third', 0)}
    assert json.loads((work_dir / 'metrics.json').read_text()) == before['third', 0][2]


@pytest.mark.parametrize('resume', [None, 'auto'])
def test_a_street_of_another_version_is_refused_and_nothing_is_trained_on_it(root, resume):
    known = len(fake_suite.starts(root))
    (root / 'street_version').write_text('2')
    (root / 'out/results.json').unlink()
    assert fake_suite.run(root, resume=resume, seeds=[0]) == 1
    assert [kind for _, kind, _ in fake_suite.starts(root)[known:]] == ['world']
    failures = fake_suite.read(root)['failures']
    assert len(failures) == 3
    assert all('holds a StreetWorld made otherwise' in failure['reason'] for failure in failures)


def test_what_was_trained_on_another_street_is_left_alone(root):
    before, known = fake_suite.figures(root), len(fake_suite.starts(root))
    (root / 'street_version').write_text('2')
    (root / 'out/results.json').unlink()
    for street in (root / 'data/seed_0').glob('world_????????'):
        shutil.rmtree(street)
    assert fake_suite.run(root, seeds=[0]) == 0
    assert trained_since(root, known) == ['first', 'second', 'seed', 'third']
    again = fake_suite.figures(root)
    assert all(before[key][2] != again[key][2] for key in before)
    assert {entry['street_version'] for entry in fake_suite.read(root)['results']} == {2}


def test_streets_may_move_and_what_was_trained_on_them_stays(root):
    before, known = fake_suite.figures(root), len(fake_suite.starts(root))
    (root / 'data').rename(root / 'elsewhere')
    (root / 'out/results.json').unlink()
    assert fake_suite.run(root, data_root=root / 'elsewhere', seeds=[0]) == 0
    assert trained_since(root, known) == []
    assert fake_suite.figures(root) == before
