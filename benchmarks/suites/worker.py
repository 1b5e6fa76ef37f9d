"""What a run is given, and running its steps in a Ray task, on whichever node Ray has put it."""

import signal
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ray
from ray.exceptions import RayError
from ray.util import get_node_ip_address
from ray.util.placement_group import PlacementGroup
from ray.util.scheduling_strategies import PlacementGroupSchedulingStrategy

from .provenance import provenance
from .step import Step, locked

PREEMPTED = 75  # that of i2vda_mmseg.engine.hooks.preemption_hook, which takes seconds to import
# How a process ends that somebody else has asked to stop: after saving, or before it could listen.
STOPPED = frozenset({PREEMPTED, -signal.SIGTERM, -signal.SIGUSR2, -signal.SIGUSR1})
GRACE = 120.0  # seconds in which a training may end its iteration and save
_LOCK = 60.0  # seconds in which the processes of a benchmark that was killed have ended
_PEERS = 30.0  # seconds in which Ray notices that a node is gone, or the other ranks end
_PAUSE = 0.05  # seconds between two looks; a wait without looks would not hear of a cancellation


@dataclass(frozen=True)
class Place:
    """What each run is given."""

    root: Path  # of the project, the same on every node
    ranks: int  # processes of a training
    cpus: int  # cores of each, and its threads
    gpus: float  # of each; less than 1 where runs share one

    @property
    def bundle(self) -> dict[str, float]:
        """What Ray is to reserve for a rank."""
        return {'CPU': self.cpus, **({'GPU': self.gpus} if self.gpus else {})}

    def fits(self, nodes: Sequence[dict[str, Any]]) -> int:
        """Count the runs that Ray's nodes hold at a time."""
        alive = [node['Resources'] for node in nodes if node['Alive']]
        return (
            sum(min(int(has.get(name, 0) / x + 1e-6) for name, x in self.bundle.items()) for has in alive) // self.ranks
        )

    def options(self, group: PlacementGroup | None, rank: int = 0) -> dict[str, Any]:
        """Give the options of a Ray task: a rank's share, in its bundle where a run has several."""
        strategy = PlacementGroupSchedulingStrategy(group, rank) if group else 'SPREAD'
        return dict(num_cpus=self.cpus, num_gpus=self.gpus, scheduling_strategy=strategy)


class StepError(RuntimeError):
    """A step has failed."""


class StoppedError(StepError):
    """A step was stopped by somebody else: Ray starts the task again, and what is done stays done."""


def work(steps: Sequence[Step], place: Place, group: PlacementGroup | None) -> dict[str, Any]:
    """Run steps that follow each other.

    Returns:
        The machine, the code when it began, and ``seconds`` by kind of step.

    Raises:
        StepError: If one fails, with the last line that it wrote.
    """
    facts = provenance(place.root, place.gpus > 0)
    seconds: dict[str, float] = {}
    for step in steps:
        if step.is_done:
            continue
        began = time.monotonic()
        with locked(step.log.parent, _LOCK):
            code = _run(step, place, group)
        if code:
            ended = f'exit code {code}' if code > 0 else f'signal {-code}'
            kind = StoppedError if code in STOPPED else StepError
            raise kind(f'{step.name}: {ended}: {step.last_words()} (all of it: {step.log})')
        seconds[step.name.partition(' of ')[0]] = round(time.monotonic() - began, 1)
        step.finish()
    return facts | dict(threads=place.cpus, ranks=place.ranks, seconds=seconds)


def _run(step: Step, place: Place, group: PlacementGroup | None) -> int:
    """Run all ranks of a step, the first of them here; returns 0, or how one has ended."""
    if group is None or not step.ranks:
        return _run_rank(step, place, {})
    where = {'MASTER_ADDR': get_node_ip_address(), 'MASTER_PORT': str(_free_port())}
    meeting = where | {'WORLD_SIZE': str(place.ranks), 'LOCAL_RANK': '0'}  # Ray shows each rank its own GPU only
    remote = ray.remote(max_retries=0)(_run_rank)
    peers = [
        remote.options(**place.options(group, rank)).remote(step, place, meeting | {'RANK': str(rank)})
        for rank in range(1, place.ranks)
    ]
    try:
        own = _run_rank(step, place, meeting | {'RANK': '0'}, peers)
        ended, _ = ray.wait(peers, num_returns=len(peers), timeout=_PEERS)
        codes = [*map(_code_of, ended), own]
    finally:
        for peer in peers:
            ray.cancel(peer)
    return PREEMPTED if PREEMPTED in codes else next((code for code in codes if code), 0)


def _run_rank(step: Step, place: Place, ranked: Mapping[str, str], peers: Sequence[Any] = ()) -> int:
    """Run a process to its end; whatever happens, it has ended afterwards, and has had time to save."""
    environment = dict.fromkeys(('OMP_NUM_THREADS', 'MKL_NUM_THREADS'), str(place.cpus)) | dict(ranked)
    if not place.gpus:
        environment['CUDA_VISIBLE_DEVICES'] = ''
    process = step.start(place.root, environment)
    try:
        return _watch(process, peers)
    finally:
        process.terminate()
        try:
            process.wait(GRACE)
        finally:
            process.kill()


def _watch(process: subprocess.Popen, peers: Sequence[Any]) -> int:
    """Wait for a process, or until a peer of it is lost or has failed."""
    while process.poll() is None:
        ended = ray.wait([*peers], num_returns=len(peers), timeout=0)[0] if peers else []
        if any(map(_code_of, ended)):
            with suppress(subprocess.TimeoutExpired):
                return process.wait(GRACE / 4)  # it hears of it through the process group, or hangs
            return -signal.SIGTERM
        time.sleep(_PAUSE)
    return process.returncode


def _code_of(peer: Any) -> int:
    try:
        return ray.get(peer)
    except RayError:  # lost with its node
        return PREEMPTED


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(('', 0))
        return probe.getsockname()[1]
