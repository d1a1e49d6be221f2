"""Typed access to the state of the pull mode.

Users write what is *wanted*, scheduler and node controller what is *placed*, agents what is
*seen*. The first two and the marks of nodes are tables on disk; the third is in memory. Every
change has a revision of one sequence, which only grows, and moves the topics that it concerns.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from services.core.errors import UnknownContainer
from services.core.messages import EventPage
from services.core.model import Assignment, Container, Node, Placed, UnitState
from services.store.answers import Expect, Listing, Roll, Stats
from services.store.engine import Engine
from services.store.limits import DEFAULT_LIMITS, Limits
from services.store.marks import Marking
from services.store.seen import Beat
from services.store.transactions import Take
from services.store.versions import CONTAINERS, EVENTS, NODES, UNASSIGNED
from services.store.writer import Offload, call_here


class Store:
    """The whole state. Every method is safe to call from any thread, and atomic.

    A method that changes something returns after the change is on disk; only then others see it.
    `expect`: what the object's revision must be, or RevisionConflict is raised: a revision,
    EXISTS, ABSENT, or None for no condition. What changes nothing has no revision.
    epoch: changes when a store is made anew. problem: "" or what was repaired at opening.
    """

    def __init__(
        self,
        directory: Path,
        *,
        lease_s: float,
        now_s: Callable[[], float] = time.monotonic,
        offload: Offload = call_here,
        limits: Limits = DEFAULT_LIMITS,
    ) -> None:
        """Open the store in `directory`, which exists, or make a new one there.

        now_s: monotonic. offload: runs what blocks. Raises DamagedFile and UnwritableFile.
        """
        self.lease_s = lease_s
        self._engine = Engine(
            directory, lease_s=lease_s, now_s=now_s, offload=offload, limits=limits
        )
        self._lock = self._engine.db.reading
        self._write = self._engine.transactions
        self.problem = self._engine.db.problem
        with self._lock():
            self.epoch = self._engine.numbers.epoch
        self._listing: Listing | None = None

    def declare(self, container: Container, node: str | None) -> Placed:
        """Want `container`, on `node` if the user insists; one that exists stays as it is.

        Raises LimitReached.
        """
        change = self._engine.change(lambda take: self._write.declare(take, container, node))
        return change.placed

    def put(self, container: Container, *, expect: Expect = None) -> tuple[Placed, bool]:
        """Want `container` as it is given; return it, and whether it is new.

        Where it is placed stays. Raises LimitReached and RevisionConflict.
        """
        change = self._engine.change(lambda take: self._write.replace(take, container, expect))
        return change.placed, change.before is None

    def remove(self, name: str, *, expect: Expect = None) -> None:
        """Want `name` no longer; does nothing if nobody did. Raises RevisionConflict."""
        self._engine.change(lambda take: self._write.remove(take, name, expect))

    def place(self, name: str, node: str | None, reason: str, *, expect: Expect = None) -> Placed:
        """Put `name` on `node` (None: nowhere). Raises UnknownContainer and RevisionConflict.

        Any node will do, known or not: after a restart none is known, and a node becomes known
        by speaking. What is put on one that never does, the node controller takes off again.
        """
        change = self._engine.change(
            lambda take: self._write.place(take, name, node, reason, expect)
        )
        return change.placed

    def mark(
        self,
        node: str,
        *,
        cordoned: bool | None = None,
        draining: bool | None = None,
        expect: Expect = None,
    ) -> Node:
        """Mark `node`; None leaves as it is. Who drains is cordoned; who is not does not drain.

        Raises UnknownNode of one that never spoke, and RevisionConflict.
        """

        def apply(take: Take) -> Marking:
            standing = self._engine.roster.standing(node)
            return self._engine.markings.mark(take, node, cordoned, draining, expect, standing)

        self._engine.mark(apply)
        return self.node(node)[0]

    def beat(
        self,
        node: str,
        running: Mapping[str, UnitState] | None,
        boot: str = "",
        revision: int = 0,
    ) -> None:
        """Record that `node` lives, what is ready there if it says so, and in which boot.

        revision: of the assignment under which it found that running. Only its first is written.
        Raises LimitReached if one more node is too much.
        """
        engine = self._engine
        engine.enrol(node)
        engine.tell(
            lambda: engine.seen.hear(node, running, boot, at_s=engine.now_s(), acted=revision)
        )

    def alive(self, node: str) -> None:
        """As `beat` of a node that says nothing but that it lives, not even in which boot."""
        engine = self._engine
        engine.enrol(node)
        engine.tell(lambda: engine.seen.hear(node, None, None, at_s=engine.now_s()))

    def leave(self, node: str, boot: str) -> None:
        """Record that `node` shuts down; undone by a beat of another boot, or of none."""
        engine = self._engine
        engine.enrol(node)
        engine.tell(lambda: engine.seen.leave(node, boot, at_s=engine.now_s()))

    def container(self, name: str) -> Placed:
        """Return the container `name`. Raises UnknownContainer."""
        with self._lock():
            placed = self._engine.placements.get(name)
        if placed is None:
            raise UnknownContainer(name)
        return placed

    def running_on(self, name: str) -> str | None:
        """Return the node on which `name` serves, as that reported within its lease, or None."""
        self._engine.judge_if_due()
        with self._lock():
            placed = self._engine.placements.get(name)
            return self._running((placed,)).get(name) if placed is not None else None

    def listing(self) -> Listing:
        """Return everything that is wanted, where it was put, and where it serves."""
        self._engine.judge_if_due()
        with self._lock():
            version = self._engine.versions.version(CONTAINERS)
            if self._listing is None or self._listing.version != version:
                placed = self._engine.placements.everything()
                shown = MappingProxyType(self._running(placed))
                self._listing = Listing(placed, shown, self._engine.numbers.declared, version)
            return self._listing

    def unassigned(self) -> Listing:
        """Return the containers that are nowhere."""
        with self._lock():
            version = self._engine.versions.version(UNASSIGNED)
            placed = self._engine.placements.on(None)
            return Listing(placed, {}, self._engine.numbers.declared, version)

    def assignment(self, node: str) -> Assignment:
        """Return what `node` must run; nothing for a node that was never heard of."""
        with self._lock():
            mine = tuple(item.container for item in self._engine.placements.on(node))
            return Assignment(self.epoch, self._engine.assigned(node), mine, self.lease_s)

    def nodes(self) -> Roll:
        """Return who spoke since the start, and who only did before it."""
        self._engine.judge_if_due()
        with self._lock():
            version = self._engine.versions.version(NODES)
            return self._engine.roster.roll(now_s=self._engine.now_s(), version=version)

    def node(self, name: str) -> tuple[Node, Beat]:
        """Return a node that ever spoke, with its last sign of life. Raises UnknownNode."""
        self._engine.judge_if_due()
        with self._lock():
            return self._engine.roster.node(name, now_s=self._engine.now_s())

    def events(self, since: int) -> EventPage:
        """Return what happened after revision `since`, as far as it is kept."""
        self._engine.judge_if_due()
        with self._lock():
            return self._engine.log.since(since, self._engine.versions.version(EVENTS))

    def version(self, topic: str) -> int:
        """Return the revision of the last change of `topic`, see versions.py."""
        self._engine.judge_if_due()
        return self._engine.versions.version(topic)

    def await_change(self, topic: str, version: int, timeout_s: float) -> int:
        """Return the version of `topic` once it is not `version`, or after timeout_s."""
        return self._engine.versions.await_change(topic, version, timeout_s)

    def judge(self) -> float:
        """Tell watchers which nodes fell silent; return in how many seconds to do so again."""
        return self._engine.judge()

    def trouble(self) -> str:
        """Return why the last change could not be written; "" if it could."""
        return self._engine.db.stats().trouble

    def stats(self) -> Stats:
        """Return numbers for metrics."""
        listing = self.listing()
        with self._lock():
            peers = self._engine.seen.peers.values()
            up = sum(peer.up for peer in peers)
            return Stats(
                *self._engine.db.stats(),
                containers=len(listing.placed),
                placed=len(listing.placed) - self._engine.placements.how_many_on(None),
                running=len(listing.running),
                nodes_up=up,
                nodes_down=len(peers) - up,
                events=len(self._engine.log),
                watchers=self._engine.versions.watchers(),
                revision=self._engine.numbers.last,
            )

    def release(self) -> None:
        """Let everybody go who waits for a change, and nobody wait again."""
        self._engine.versions.close()

    def close(self) -> None:
        """Release the waiting, and let go of the files; every later change is refused."""
        self.release()
        self._engine.close()

    def _running(self, placed: Sequence[Placed]) -> Mapping[str, str]:
        """Container -> node, of those of `placed` that serve."""
        now_s, serves = self._engine.now_s(), self._engine.seen.serves
        return {item.name: item.node for item in placed if item.node and serves(item, now_s=now_s)}
