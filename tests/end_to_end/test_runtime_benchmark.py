"""tools/benchmark_runtime.py: processes that take turns."""

import numpy as np
import pytest

from i2vda_mmseg.apis import runtime_benchmark
from i2vda_mmseg.apis.runtime_benchmark import BenchmarkPlan, benchmark_runtimes


def test_runtimes_take_turns_in_processes_of_their_own(network, frames, tmp_path):
    config, checkpoint = network(is_deeplab=True)
    plan = BenchmarkPlan(((32, 64),), ('onnx',), threads=1, batch=2, rounds=3)
    rows, faults = benchmark_runtimes(config, checkpoint, tmp_path, frames, plan)
    assert faults == {}
    eager, onnx = rows
    assert (eager.runtime, onnx.runtime) == ('eager', 'onnx')
    assert (eager.ratio, eager.cpu_ratio) == (1.0, 1.0)
    for row in rows:
        assert (row.height, row.width) == (32, 64)
        assert 0 < row.median <= row.p95
        assert row.frames_per_second == pytest.approx(2 / row.median)
    assert 0 < onnx.memory < eager.memory / 2  # no torch in it


def test_a_runtime_that_fails_is_named_and_the_others_are_timed(network, frames, tmp_path, monkeypatch):
    config, checkpoint = network()
    answers = """echo '{"ready": 1}'; while read line; do echo '{"seconds": 2, "cpu": 1}'; done; echo '{"memory": 5}'"""
    fails = 'echo no compiler here >&2; exit 1'
    monkeypatch.setattr(
        runtime_benchmark, '_command', lambda name, *_: ['sh', '-c', fails if name == 'compile' else answers]
    )
    plan = BenchmarkPlan(((32, 64),), ('eager', 'compile'), rounds=2)
    rows, faults = benchmark_runtimes(config, checkpoint, tmp_path, frames, plan)
    assert faults == {'compile': 'no compiler here'}
    (row,) = rows
    assert (row.median, row.cpu, row.memory, row.ratio) == (2.0, 1.0, 5, 1.0)
    assert np.isfinite(row.p95)
