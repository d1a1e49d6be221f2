import errno
import shutil
import threading

import pytest

from services.store import Store

LEASE_S = 3.0
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
    return Store(tmp_path, lease_s=LEASE_S, now_s=clock, offload=disk)


def reopen(tmp_path, clock):
    return Store(tmp_path, lease_s=LEASE_S, now_s=clock)


def crashed(directory, clock, to, *, lost_bytes=0):
    """A store that finds what a kill at this moment leaves, and less if the disk lost the end.

    It never ends between two lines: nobody could tell that something is missing.
    """
    shutil.copytree(directory, to)
    if lost_bytes:
        journal = max(to.glob("journal-*[0-9]"))
        content = journal.read_bytes()
        kept = content[: max(0, len(content) - lost_bytes)]
        at_a_line = not kept or kept.endswith(b"\n")
        journal.write_bytes(content[: len(kept) + at_a_line])
    return reopen(to, clock)


def where(store):
    return {item.name: item.node for item in store.listing().placed}


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
