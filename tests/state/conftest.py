"""Stores of keys: one etcd for all tests that do not hurt it."""

import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from services.state.etcd import EtcdKeys
from services.state.keys import Keys
from tests.state.etcd_cluster import Cluster

# Name -> what opens the store whose data belongs to a folder. A test closes it before it opens it
# again.
STORES: dict[str, Callable[[pytest.FixtureRequest, Path], Keys]] = {
    "etcd": lambda request, folder: EtcdKeys(
        request.getfixturevalue("etcd").addresses, prefix=str(folder)
    ),
}


@pytest.fixture(scope="session")
def etcd(tmp_path_factory) -> Iterator[Cluster]:
    """Three members that no test stops."""
    cluster = Cluster(tmp_path_factory.mktemp("etcd"))
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.stop()


@pytest.fixture(params=STORES)
def open_store(request, tmp_path) -> Iterator[Callable[[], Keys]]:
    """Opens the store of this test; what is open is closed at the end."""
    opened: list[Keys] = []

    def open_one() -> Keys:
        opened.append(STORES[request.param](request, tmp_path))
        return opened[-1]

    yield open_one
    for keys in opened:
        keys.close()


@pytest.fixture
def keys(open_store) -> Keys:
    """A store without any key."""
    return open_store()


@pytest.fixture
def prefix() -> str:
    """Of this test's keys in an etcd."""
    return f"/{uuid.uuid4()}"
