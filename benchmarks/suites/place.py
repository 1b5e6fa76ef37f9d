"""Where a run runs: the processes, cores and GPUs that Ray gives it, and the cluster they come from."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .provenance import available_cores

CLUSTER_CPUS = 4  # of a rank, where --cpus-per-rank does not say: the data workers of the paper's leaves
_STORE = 80 * 2**20  # bytes of Ray's object store, of which next to nothing is used


@dataclass(frozen=True)
class Place:
    """What each run is given.

    Attributes:
        root: The project's root, the same on every node.
        ranks: Processes of a training.
        cpus: Cores of each, and its threads.
        gpus: GPUs of each; less than 1 where runs share one.
    """

    root: Path
    ranks: int
    cpus: int
    gpus: float

    def bundles(self) -> list[dict[str, float]]:
        """Give what Ray is to reserve: a bundle a rank."""
        return [{'CPU': self.cpus, **({'GPU': self.gpus} if self.gpus else {})}] * self.ranks

    def fit(self, resources: dict[str, float]) -> int:
        """Count the ranks that a node with these resources holds."""
        return min(int(resources.get(name, 0) / amount + 1e-6) for name, amount in self.bundles()[0].items())


@contextmanager
def cluster(
    root: Path, jobs: int | None, address: str | None, gpus_per_run: float | None, cpus_per_rank: int | None
) -> Iterator[tuple[Place, int]]:
    """Start Ray on this machine, or join a cluster; yields what a run is given, and how many may run at a time.

    Raises:
        ImportError: If Ray is not there.
        ConnectionError: If there is no cluster at the address.
        ValueError: If no node holds a run.
    """
    os.environ.setdefault('RAY_USAGE_STATS_ENABLED', '0')  # nothing is sent home
    try:
        import ray  # noqa: PLC0415 - an extra, and --emit needs none
    except ImportError as error:
        raise ImportError("the suites run on Ray: python -m pip install 'i2vda_mmseg[suites]'") from error
    path = os.pathsep.join(filter(None, [str(root), str(Path(__file__).parents[2]), os.environ.get('PYTHONPATH')]))
    common: dict[str, Any] = dict(
        log_to_driver=False, logging_level='ERROR', runtime_env={'env_vars': {'PYTHONPATH': path}}
    )
    local: dict[str, Any] = (
        {}
        if address
        else dict(num_cpus=max(available_cores(), jobs or 1), object_store_memory=_STORE, include_dashboard=False)
    )
    ray.init(address=address or 'local', **common, **local)
    try:
        total = ray.cluster_resources()
        gpus = (1.0 if total.get('GPU') else 0.0) if gpus_per_run is None else gpus_per_run
        ranks = max(1, int(gpus))
        share = max(1, available_cores() // ((jobs or 1) * ranks))
        place = Place(root, ranks, cpus_per_rank or (CLUSTER_CPUS if address else share), gpus / ranks)
        most = places(ray.nodes(), place)
        if not most:
            needs = f'{place.ranks} x {place.cpus} CPUs' + (f' and {place.gpus:g} GPUs' if place.gpus else '')
            raise ValueError(f'a run needs {needs}, which this machine or cluster does not have: {_said(total)}')
        yield place, min(jobs or most, most)
    finally:
        ray.shutdown()
        sys.stdout.flush()


def places(nodes: list[dict[str, Any]], place: Place) -> int:
    """Count the runs that Ray's nodes hold at a time."""
    return sum(place.fit(node['Resources']) for node in nodes if node['Alive']) // place.ranks


def _said(total: dict[str, float]) -> str:
    return f'{total.get("CPU", 0):g} CPUs, {total.get("GPU", 0):g} GPUs'
