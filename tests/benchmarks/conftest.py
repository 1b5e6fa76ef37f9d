import shutil
import tempfile
from importlib import import_module

import fake_suite
import pytest


@pytest.fixture(scope='session')
def cluster():
    """Two nodes on this machine that the fake suites run on, with workers that stay warm."""
    folder = tempfile.mkdtemp(prefix='ray')  # Ray's sockets lie there, whose paths must be short
    with pytest.MonkeyPatch.context() as patch:
        for name, value in dict(fake_suite.RAY, RAY_TMPDIR=folder).items():
            patch.setenv(name, value)
        ray = pytest.importorskip('ray', reason="the suites run on Ray: python -m pip install 'i2vda_mmseg[suites]'")
        cluster = import_module('ray.cluster_utils').Cluster(initialize_head=True, head_node_args=fake_suite.NODE)
        try:
            cluster.add_node(**fake_suite.NODE)
            environment = {'PYTHONPATH': fake_suite.PATH}
            ray.init(cluster.address, log_to_driver=False, runtime_env={'env_vars': environment})
            yield cluster
        finally:
            ray.shutdown()
            cluster.shutdown()
            shutil.rmtree(folder)


@pytest.fixture
def two_nodes(cluster):
    """The cluster, with a node in the place of one that a test has taken away."""
    if not cluster.worker_nodes:
        cluster.add_node(**fake_suite.NODE)
    return cluster
