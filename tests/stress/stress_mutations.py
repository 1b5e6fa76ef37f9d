"""300 mutated files over all readers: no crash without the file's name, no hang, nothing read that can be told as bad.

Run with ``pytest tests/stress/stress_mutations.py -s``. ``I2VDA_STRESS_SEED`` (or ``STRESS_SEED``) chooses the
mutations, 0 by default.
"""

import os
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest
from mutable_files import plant
from mutations import Case, cases, run_case

COUNT = 300
LIMIT = 10.0  # seconds a file


@pytest.fixture(scope='module')
def pool() -> Iterator[ProcessPoolExecutor]:
    """One process that reads: a decoder that dies takes it down instead of the test."""
    pool = ProcessPoolExecutor(1, mp_context=get_context('spawn'))
    pool.submit(time.sleep, 0).result()
    yield pool
    for process in pool._processes.values():
        process.kill()  # it may hang
    pool.shutdown(wait=False, cancel_futures=True)


def outcome(job: Future) -> str:
    """Give what is wrong, '' for nothing."""
    try:
        return job.result(timeout=LIMIT)
    except TimeoutError:
        return f'no answer within {LIMIT:.0f} s'
    except Exception as error:
        return f'the reading process died: {error!r}'


@pytest.mark.timeout(3600)
def test_mutated_files(pool: ProcessPoolExecutor, tmp_path: Path) -> None:
    seed = int(os.environ.get('I2VDA_STRESS_SEED') or os.environ.get('STRESS_SEED') or 0)
    todo = cases(seed, COUNT)
    trees = [str(plant(tmp_path / 'pristine')), str(plant(tmp_path / 'resized', size=(40, 56)))]
    warm_up = Case(todo[0].reader, todo[0].file, 'empty', 0)
    assert pool.submit(run_case, warm_up, *trees, str(tmp_path / 'first')).result(timeout=120) == ''
    wrong: dict[Case, str] = {}
    longest = 0.0
    for number, case in enumerate(todo):
        start = time.perf_counter()
        if reason := outcome(pool.submit(run_case, case, *trees, str(tmp_path / str(number)))):
            wrong[case] = reason
        longest = max(longest, time.perf_counter() - start)
    kinds = Counter(case.kind for case in todo)
    figures = f'{COUNT} mutated files ({dict(kinds)}), {len(wrong)} wrong, at most {longest:.2f} s a file'
    sys.stdout.write(f'\nI2VDA_STRESS_SEED={seed}: {figures}\n')
    assert wrong == {}
