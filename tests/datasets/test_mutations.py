import pytest
from mutable_files import READERS, plant
from mutations import cases, run_case

SEED, COUNT = 0, 4 * 15


@pytest.fixture(scope='module')
def trees(tmp_path_factory):
    """The tree, and the same with pictures of another size."""
    return plant(tmp_path_factory.mktemp('pristine')), plant(tmp_path_factory.mktemp('resized'), size=(40, 56))


def test_mutated_files_are_refused_by_name_or_read_as_they_were(trees, tmp_path):
    todo = cases(SEED, COUNT)
    assert {case.reader for case in todo} == set(READERS)
    wrong = {}
    for number, case in enumerate(todo):
        if reason := run_case(case, *map(str, trees), str(tmp_path / str(number))):
            wrong[case] = reason
    assert wrong == {}
