"""States over TinyDB, and stores of keys of both kinds."""

import errno
import shutil
import threading
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from services.core.lease import Terms
from services.state import EmbeddedKeys
from services.state.etcd import EtcdKeys
from services.state.keys import Keys
from services.state.recovery import decode
from tests.state.etcd_cluster import Cluster
from tests.states import open_state

LEASE_S = 3.0
TERMS = Terms(LEASE_S)
DEADLINE_S = 20.0


class Clock:
    now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


class Disk:
    """What a store may be given to write with: it can be full, or take its time.

    asked: how often something was to be written.
    """

    def __init__(self):
        self.full = False
        self.asked = 0
        self.busy = threading.Event()
        self._free = threading.Event()
        self._free.set()

    def __call__(self, function):
        self.asked += 1
        self.busy.set()
        assert self._free.wait(DEADLINE_S)
        if self.full:
            raise OSError(errno.ENOSPC, "No space left on device")
        return function()

    def hold(self):
        self.busy.clear()
        self._free.clear()

    def go_on(self):
        self._free.set()


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def disk():
    return Disk()


@pytest.fixture
def store(tmp_path, clock, disk):
    return open_state(tmp_path, lease_s=LEASE_S, now_s=clock, offload=disk)


def reopen(tmp_path, clock):
    return open_state(tmp_path, lease_s=LEASE_S, now_s=clock)


def crashed(directory, clock, to, *, lost_bytes=0):
    """A store that finds what a kill at this moment leaves, and less if the disk lost the end.

    It never ends between two lines: nothing could tell that something is missing. The rows that
    a file begins with were on disk before it got its name.
    """
    shutil.copytree(directory, to)
    if lost_bytes:
        newest = max(to.glob("state-*[0-9]"))
        lines = newest.read_bytes().splitlines(keepends=True)
        rows = b"".join(lines[: 1 + decode(lines[0])["rows"]])
        commits = b"".join(lines)[len(rows) :]
        kept = commits[: max(1, len(commits) - lost_bytes)]
        newest.write_bytes(rows + kept[: -1 if kept.endswith(b"\n") else None])
    return reopen(to, clock)


def where(store):
    return {item.name: item.node for item in store.listing().placed}


def wanted(container):
    """`container` as a user declared it."""
    return container._replace(created=0)


def told(store, since=0):
    """(kind, subject, node) of every event after `since`."""
    return [(event.kind, event.subject, event.node) for event in store.events(since).events]


def in_threads(*works):
    """Run all at the same time; raise what one of them raises."""
    failures = []

    def run(work):
        try:
            work()
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=run, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(DEADLINE_S)
        assert not thread.is_alive(), "a thread hangs"
    if failures:
        raise failures[0]


# Name -> what opens the store whose data belongs to a folder. A test closes it before it opens it
# again.
STORES: dict[str, Callable[[pytest.FixtureRequest, Path], Keys]] = {
    "embedded": lambda _, folder: EmbeddedKeys(folder),
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
