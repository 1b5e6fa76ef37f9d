"""Running the steps of a job in a Ray task, on whichever node Ray has put it."""

import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TextIO

import ray
from ray.exceptions import RayError
from ray.util import get_node_ip_address
from ray.util.placement_group import PlacementGroup
from ray.util.scheduling_strategies import PlacementGroupSchedulingStrategy

from .place import Place
from .provenance import provenance
from .step import Step, locked

PREEMPTED = 75  # that of i2vda_mmseg.engine.hooks.preemption_hook, which takes seconds to import
LOST = 'a rank was lost with its node'
# How a process ends that somebody else has asked to stop: after saving, or before it could listen.
STOPPED = frozenset({PREEMPTED, -signal.SIGTERM, -signal.SIGUSR2, -signal.SIGUSR1, LOST})
RESTARTS = 3  # of a step that is stopped without having saved anything new
GRACE = 120.0  # seconds in which a training may end its iteration and save
_LOCK = 60.0  # seconds in which the processes of a benchmark that was killed have ended
_PEERS = 30.0  # seconds in which Ray notices that a node is gone, or the other ranks end
_PAUSE = 0.05  # seconds between two looks; a wait without looks would not hear of a cancellation


def work(steps: Sequence[Step], place: Place, group: PlacementGroup | None) -> dict[str, Any]:
    """Run steps that follow each other; one that is stopped by somebody else is started again, as long as it gets on.

    Returns:
        ``failure`` (None if all have succeeded), ``seconds`` of this start by kind of step, ``skipped`` (whether a step
        had been done before), ``facts`` (the machine, and the code when it began).
    """
    facts = provenance(place.root, place.gpus > 0) | dict(threads=place.cpus, ranks=place.ranks)
    seconds: dict[str, float] = {}
    failure = None
    left = [step for step in steps if not step.is_done]
    for step in left:
        began = time.monotonic()
        with locked(step.log.parent, _LOCK) as lock:
            failure = _persist(step, place, group, lock)
        seconds[step.name.partition(' of ')[0]] = round(time.monotonic() - began, 1)
        if failure:
            break
        step.finish()
    return dict(failure=failure, seconds=seconds, skipped=len(left) < len(steps), facts=facts)


def _persist(step: Step, place: Place, group: PlacementGroup | None, lock: TextIO) -> str | None:
    """Run a step to its end; returns why it has failed."""
    stops, reached = 0, step.reached()
    while True:
        code = _run(step, place, group, lock)
        if code == 0:
            return None
        before, reached = reached, step.reached()
        stops = stops + 1 if reached == before else 0
        if code not in STOPPED or stops > RESTARTS:
            often = f' {stops} times without a new checkpoint' if code in STOPPED else ''
            return f'{step.name}: {_said(code)}{often}: {step.last_words()} (all of it: {step.log})'


def _run(step: Step, place: Place, group: PlacementGroup | None, lock: TextIO) -> int | str:
    """Run all ranks of a step, the first of them here; returns 0, or how one has ended."""
    if group is None or not step.ranks:
        with _process(step, place, {}, lock) as process:
            return _watch(process)
    meeting = {'MASTER_ADDR': get_node_ip_address(), 'MASTER_PORT': str(_free_port()), 'WORLD_SIZE': str(place.ranks)}
    remote = ray.remote(max_retries=0)(run_rank)
    peers = [
        remote.options(**resources(place, group, rank)).remote(step, place, meeting | {'RANK': str(rank)})
        for rank in range(1, place.ranks)
    ]
    try:
        with _process(step, place, meeting | {'RANK': '0'}, lock) as process:
            code = _watch(process, peers)
        codes: list[int | str] = [code, *_codes_of(peers)]
    finally:
        for peer in peers:
            ray.cancel(peer)
    kinds: tuple[int | str, ...] = (LOST, PREEMPTED)
    return next((kind for kind in kinds if kind in codes), next((one for one in codes if one), 0))


def run_rank(step: Step, place: Place, environment: Mapping[str, str]) -> int:
    """Run another rank of a step, in a Ray task; returns its exit code."""
    folder = step.log.parent / f'.rank_{environment["RANK"]}'
    with locked(folder, _LOCK) as lock, _process(step, place, environment, lock) as process:
        return _watch(process)


def resources(place: Place, group: PlacementGroup | None, rank: int = 0) -> dict[str, Any]:
    """Give the options of a Ray task: a rank's share, in its bundle where a run has several."""
    amount: dict[str, Any] = dict(num_cpus=place.cpus, num_gpus=place.gpus)
    if group is None:
        return amount | dict(scheduling_strategy='SPREAD')
    return amount | dict(scheduling_strategy=PlacementGroupSchedulingStrategy(group, rank))


@contextmanager
def _process(step: Step, place: Place, ranked: Mapping[str, str], lock: TextIO) -> Iterator[subprocess.Popen]:
    """Start a process; whatever happens, it has ended afterwards, and has had time to save."""
    environment = dict.fromkeys(('OMP_NUM_THREADS', 'MKL_NUM_THREADS'), str(place.cpus)) | dict(ranked)
    if not place.gpus:
        environment['CUDA_VISIBLE_DEVICES'] = ''
    more: tuple[str, ...] = ()
    if ranked:  # Ray shows each rank its own GPU only
        environment['LOCAL_RANK'], more = '0', ('--launcher', 'pytorch')
    process = step.start(place.root, environment, more, lock)
    try:
        yield process
    finally:
        if process.poll() is None:
            process.terminate()
        try:
            process.wait(GRACE)
        finally:
            process.kill()


def _watch(process: subprocess.Popen, peers: Sequence[Any] = ()) -> int:
    """Wait for a process, or until a peer of it is lost or has failed."""
    while process.poll() is None:
        ended, _ = ray.wait([*peers], num_returns=len(peers), timeout=0) if peers else ([], [])
        if any(_code_of(peer) for peer in ended):
            try:
                return process.wait(GRACE / 4)  # it hears of it through the process group, or hangs
            except subprocess.TimeoutExpired:
                return -signal.SIGTERM
        time.sleep(_PAUSE)
    return process.returncode


def _codes_of(peers: Sequence[Any]) -> list[int | str]:
    ended, _ = ray.wait([*peers], num_returns=len(peers), timeout=_PEERS)
    return [_code_of(peer) for peer in ended]


def _code_of(peer: Any) -> int | str:
    try:
        return ray.get(peer)
    except RayError:
        return LOST


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(('', 0))
        return probe.getsockname()[1]


def _said(code: int | str) -> str:
    if isinstance(code, str):
        return code
    return f'exit code {code}' if code > 0 else f'signal {-code}'
