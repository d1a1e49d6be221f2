"""The real server is killed again and again under writers; what it acknowledged is there."""

import pytest

from tests.pull.server_kills import run
from tests.serving import StateServer
from tests.state.etcd_cluster import Cluster


@pytest.fixture
def members(request, tmp_path):
    """The addresses of an etcd; none where the state is in a folder."""
    if request.param == "TinyDB":
        yield ()
        return
    cluster = Cluster(tmp_path)
    try:
        cluster.start()
        yield cluster.addresses
    finally:
        cluster.stop()


# More kills over etcd: python -m tests.pull.server_kills
@pytest.mark.parametrize(("members", "kills"), [("TinyDB", 30), ("etcd", 10)], indirect=["members"])
def test_kill_9_at_any_moment_loses_nothing_that_was_acknowledged(tmp_path, members, kills):
    counts = run(lambda: StateServer(tmp_path / "data", etcd=members), kills)
    # How many depends on the host; each life must have had some.
    assert counts.acknowledged > 2 * kills
