import fake_suite
import pytest
from ray.cluster_utils import Cluster


@pytest.fixture(scope='session')
def address():
    """A cluster of one node that the fake suites of these tests run on: its workers are warm."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv('RAY_USAGE_STATS_ENABLED', '0')
        cluster = Cluster(initialize_head=True, head_node_args=fake_suite.NODE)
        patch.setattr(fake_suite, 'ADDRESS', cluster.address)
        yield cluster.address
        cluster.shutdown()
