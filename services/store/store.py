"""Typed access to the state of the pull mode.

Users write what is *wanted*, scheduler and node controller what is *placed*, agents what is
*seen*: three tables, no shared column. The first two are in TinyDB, on disk; the third is in
memory, but for the names of all nodes that ever spoke: whoever is silent after a restart is then
told from who never was. Every change of the first two has a revision, which only grows.
"""

import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tinydb import TinyDB, where

from services.core.errors import UnknownContainer
from services.core.model import Assignment, Container, Placed, UnitState
from services.durable import UnwritableFile
from services.store.answers import Listing, PlacedMeanwhile, Roll
from services.store.seen import Seen
from services.store.storage import DurableStorage


class Store:
    """The whole state. Every method is safe to call from any thread, and atomic.

    A method that changes something returns after the change is on disk.
    problem: "" or what had to be repaired when the store was opened.
    """

    def __init__(
        self, directory: Path, *, lease_s: float, now_s: Callable[[], float] = time.monotonic
    ) -> None:
        """Open the store in `directory`, which exists, or make a new one there.

        now_s: monotonic. Raises DamagedFile and UnwritableFile.
        """
        self._lock = threading.RLock()
        self._now_s = now_s
        self._started_s = now_s()
        self._seen = Seen(lease_s)
        self._storage = DurableStorage(str(directory / "pull.json"))
        self._db = TinyDB(storage=lambda: self._storage)
        # TinyDB's query cache outlives a transaction that failed.
        self._wanted = self._db.table("wanted", cache_size=0)
        self._placed = self._db.table("placed", cache_size=0)
        self._spoke = self._db.table("spoke", cache_size=0)
        self._meta = self._db.table("meta", cache_size=0)
        self.problem = self._storage.problem
        self._open()

    @property
    def lease_s(self) -> float:
        return self._seen.lease_s

    def declare(self, container: Container, node: str | None) -> None:
        """Want `container`, on `node` if the user insists; one that exists stays as it is."""
        with self._lock:
            if self._wanted.get(where("name") == container.name):
                return
            with self._change():
                self._wanted.insert({"name": container.name, "image": container.image})
                if node is not None:
                    self._put(container.name, node, "declared there")

    def remove(self, name: str) -> None:
        """Want `name` no longer; does nothing if nobody did."""
        with self._lock:
            if not self._wanted.get(where("name") == name):
                return
            with self._change():
                self._wanted.remove(where("name") == name)
                self._placed.remove(where("name") == name)

    def place(self, name: str, node: str | None, reason: str) -> None:
        """Put `name` on `node` (None: nowhere). Raises UnknownContainer.

        Any node will do, known or not: after a restart none is known, and a node becomes known
        by speaking. What is put on one that never does, the node controller takes off again.
        """
        with self._lock:
            if not self._wanted.get(where("name") == name):
                raise UnknownContainer(name)
            if self._node_of(name) != node:
                with self._change():
                    self._put(name, node, reason)

    def place_if(self, name: str, node: str | None, reason: str, *, if_node: str | None) -> None:
        """As place, but only while `name` is on `if_node`. Raises PlacedMeanwhile otherwise."""
        with self._lock:
            actual = self._node_of(name)
            if actual != if_node and self._wanted.get(where("name") == name):
                raise PlacedMeanwhile(name, if_node, actual)
            self.place(name, node, reason)

    def beat(self, node: str, running: dict[str, UnitState] | None) -> None:
        """Record that `node` lives, and what it runs if it says so. Only its first is written."""
        with self._lock:
            self._seen.beat(node, running, at_s=self._now_s())
            if node not in self._ever:
                # A full disk does not make it dead: its next beat tries again.
                with suppress(UnwritableFile):
                    with self._storage.transaction():
                        self._spoke.insert({"name": node})
                    self._ever.add(node)

    def listing(self) -> Listing:
        """Return everything that is wanted, where it was put, and where it serves."""
        with self._lock:
            now_s = self._now_s()
            placed = tuple(self._all_placed())
            running = {
                item.name: item.node
                for item in placed
                if item.node is not None
                and self._seen.runs(item.node, item.name, item.container.image, now_s=now_s)
            }
            return Listing(placed, running, self._revision)

    def assignment(self, node: str) -> Assignment:
        """Return what `node` must run; nothing for a node that was never heard of."""
        with self._lock:
            mine = tuple(item.container for item in self._all_placed() if item.node == node)
            return Assignment(self._epoch, self._revision, mine)

    def nodes(self) -> Roll:
        """Return who spoke since the start, and who only did before it."""
        with self._lock:
            now_s = self._now_s()
            heard = tuple(self._seen.nodes(now_s=now_s))
            awaited = self._ever - {node.name for node, _ in heard}
            return Roll(heard, tuple(sorted(awaited)), now_s - self._started_s)

    def _open(self) -> None:
        self._ever = {row["name"] for row in self._spoke.all()}
        meta = self._meta.get(where("epoch").exists())
        if not isinstance(meta, dict):
            # Agents tell by it that this store knows nothing of what an older one told them.
            self._epoch, self._revision = secrets.token_hex(8), 0
            with self._storage.transaction():
                self._meta.insert({"epoch": self._epoch, "revision": 0})
            return
        self._epoch, self._revision = meta["epoch"], meta["revision"]
        if self.problem:
            # The lost generation had the next revision, and agents may have seen it.
            self._revision += 1
            with self._change():
                pass

    @contextmanager
    def _change(self) -> Iterator[None]:
        """One transaction, one revision."""
        with self._storage.transaction():
            yield
            self._meta.update({"revision": self._revision + 1})
        self._revision += 1

    def _put(self, name: str, node: str | None, reason: str) -> None:
        row = {"name": name, "node": node, "reason": reason}
        self._placed.upsert(row, where("name") == name)

    def _node_of(self, name: str) -> str | None:
        row = self._placed.get(where("name") == name)
        return row["node"] if isinstance(row, dict) else None

    def _all_placed(self) -> Iterator[Placed]:
        nodes = {row["name"]: row["node"] for row in self._placed.all()}
        for row in sorted(self._wanted.all(), key=_name):
            yield Placed(Container(row["name"], row["image"]), nodes.get(row["name"]))


def _name(row: dict[str, str]) -> str:
    return row["name"]
