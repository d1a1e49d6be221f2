"""Topics that can be watched: each has a version, and waiters for the next one.

Each waiter has an event of its own, which only a change of its topic sets. So a thousand that wait
cost memory and nothing else, and a change wakes only those whom it concerns.
"""

import threading
from collections.abc import Iterable

CONTAINERS = "containers"
UNASSIGNED = "unassigned"
NODES = "nodes"
EVENTS = "events"


def of_node(node: str) -> str:
    """The topic of what `node` must run."""
    return f"node/{node}"


def of_place(node: str | None) -> str:
    """The topic of the containers that are on `node`; None: of those that are nowhere."""
    return UNASSIGNED if node is None else of_node(node)


class Topics:
    """Topic -> the revision of its last change, at least `start`. Any name is a topic.

    Every method may be called from any thread.
    """

    def __init__(self, start: int, *, most: int) -> None:
        """most: topics to remember; beyond that all are said to have changed."""
        self._lock = threading.Lock()
        self._start = start
        self._most = most
        self._moved: dict[str, int] = {}
        self._waiters: dict[str, set[threading.Event]] = {}
        self._closed = False

    def version(self, topic: str) -> int:
        """Return the version of `topic`."""
        with self._lock:
            return self._version(topic)

    def move(self, topics: Iterable[str], revision: int) -> None:
        """Say that `topics` changed with `revision`, and wake those who wait for one of them."""
        with self._lock:
            for topic in topics:
                self._moved[topic] = revision
                self._wake(topic)
        if len(self._moved) > self._most:
            self.move_all(revision)

    def move_all(self, revision: int) -> None:
        """Say that every topic may have changed with `revision`."""
        with self._lock:
            self._moved = {}
            self._start = revision
            for topic in self._waiters:
                self._wake(topic)

    def await_change(self, topic: str, version: int, timeout_s: float) -> int:
        """Return the version of `topic` as soon as it is not `version`.

        `version` itself is returned after timeout_s, and from `close` on.
        """
        waiter = threading.Event()
        with self._lock:
            now = self._version(topic)
            if now != version or timeout_s <= 0 or self._closed:
                return now
            self._waiters.setdefault(topic, set()).add(waiter)
        try:
            waiter.wait(timeout_s)
        finally:
            with self._lock:
                self._forget(topic, waiter)
                now = self._version(topic)
        return now

    def close(self) -> None:
        """Let every waiter go, and let none wait again."""
        with self._lock:
            self._closed = True
            for topic in self._waiters:
                self._wake(topic)

    def _version(self, topic: str) -> int:
        return self._moved.get(topic, self._start)

    def _wake(self, topic: str) -> None:
        for waiter in self._waiters.get(topic, ()):
            waiter.set()

    def _forget(self, topic: str, waiter: threading.Event) -> None:
        waiters = self._waiters[topic]
        waiters.discard(waiter)
        if not waiters:
            del self._waiters[topic]
