"""One change at a time: on disk, then in memory, then told. The store's own machinery."""

import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Protocol, TypeVar

from services.lib.durable import UnwritableFile
from services.store.database import Database
from services.store.eventfile import EventFile, Kept, load
from services.store.events import REPAIRED, EventLog, Happening
from services.store.feed import Feed
from services.store.limits import Limits
from services.store.marks import Marking, Markings
from services.store.migrate import migrate
from services.store.numbers import META, Numbers
from services.store.placements import Placements
from services.store.roster import Roster
from services.store.seen import News, Seen
from services.store.transactions import Change, Take, Transactions
from services.store.versions import CONTAINERS, NODES, Versions, of_node, of_place
from services.store.writer import Offload

# How soon to try again to tell what has no number because the disk is full.
RETRY_S = 1.0


class Result(Protocol):
    """What a transaction returns."""

    @property
    def revision(self) -> int:
        """Of the change."""


R = TypeVar("R", bound=Result)


class Engine:
    """What the store consists of. Read it under `db.reading`; change it by the methods here.

    base: what a node was told, or more, that nothing concerned since the start.
    """

    def __init__(
        self,
        directory: Path,
        *,
        lease_s: float,
        now_s: Callable[[], float],
        offload: Offload,
        limits: Limits,
    ) -> None:
        self.now_s = now_s
        self._limits = limits
        self.db = Database(directory, offload=offload)
        self.numbers = Numbers(self.db.table(META))
        self.transactions = Transactions(self.db, limits)
        self.markings = Markings(self.db, limits)
        self.db.change(self._begin)
        with self.db.reading():
            self._load(lease_s)
            self._open_log(directory)
        self.file.begin()

    def _load(self, lease_s: float) -> None:
        self.base = self.numbers.declared
        self.versions = Versions(self.numbers.start, most=self._limits.topics)
        self.placements = Placements(self.transactions.containers())
        marked = list(self.markings.all())
        self.seen = Seen(lease_s, (item.node for item in marked), started_s=self.now_s())
        self.roster = Roster(marked, self.seen, self.assigned, start=self.numbers.start)
        self._due_s = self.seen.due_s()

    def _open_log(self, directory: Path) -> None:
        epoch = self.numbers.epoch
        kept = load(directory, epoch, self.numbers.start)
        self.log = EventLog(kept.events, kept.dropped, most=self._limits.events)
        self.file = EventFile(directory, epoch, self.db.reading, lambda: Kept(*self.log.kept()))
        self.feed = Feed(self.versions, self.log, now_s=self.now_s, record=self.file.add)
        if self.db.problem and (revision := self.numbers.volatile()) is not None:
            repaired = Happening(REPAIRED, "store", "", self.db.problem)
            self.feed.volatile(revision, (repaired,), ())

    def assigned(self, node: str) -> int:
        """Return the revision of what `node` must run; 0 only while nothing was ever declared."""
        return self.versions.moved(of_node(node), otherwise=self.base)

    def change(self, apply: Callable[[Take], Change]) -> Change:
        """Run `apply` as one change of one container."""
        return self._write(apply, self._changed)

    def mark(self, apply: Callable[[Take], Marking]) -> Marking:
        """Run `apply` as one change of one node's row."""
        return self._write(apply, self._marked)

    def enrol(self, node: str) -> None:
        """Remember that `node` spoke, if that is not written yet. Raises LimitReached."""
        with self.db.reading():
            if self.roster.knows(node):
                return
            self.roster.check_room(node, self._limits.nodes)
        # A full disk does not make it dead: its next beat tries again.
        with suppress(UnwritableFile):
            self.mark(lambda take: self.markings.enrol(take, node))

    def tell(self, find: Callable[[], News]) -> None:
        """Keep and tell what `find` finds, which runs under the lock and changes nothing.

        Nothing is written unless numbers for such news run out. If that fails, then only that a
        node lives is kept; the rest is news again when it is found again.
        """
        with self.db.reading():
            news = find()
            waits = bool(news.happened) and self.numbers.is_low()
            if not waits:
                self._keep(news)
        if waits:
            with suppress(UnwritableFile):
                self.db.change(self.numbers.reserve)
            with self.db.reading():
                self._keep(find())
        self.file.flush()

    def close(self) -> None:
        """Let go of the files; every later change raises UnwritableFile."""
        self.db.close()
        self.file.close()

    def judge(self) -> float:
        """Tell whose lease ran out; return seconds until it may be the next one's."""
        self.tell(lambda: self.seen.silent(now_s=self.now_s()))
        with self.db.reading():
            now_s = self.now_s()
            due_s = self.seen.due_s()
            self._due_s = due_s if due_s >= now_s else now_s + RETRY_S
            # A lease has run out after that moment, not at it.
            return min(self._due_s - now_s + 0.001, self.seen.lease_s)

    def judge_if_due(self) -> None:
        """Before reading: who reads must not see silence of which watchers were not told."""
        if self.now_s() > self._due_s:
            self.judge()

    def _write(self, apply: Callable[[Take], R], published: Callable[[R], object]) -> R:
        taken: list[int] = []

        def take(declares: bool) -> int:
            taken.append(self.numbers.durable(declares=declares))
            self.feed.expect(taken[-1])
            return taken[-1]

        try:
            result = self.db.change(lambda: apply(take), published)
        except Exception:
            with self.db.reading():
                for revision in taken:
                    self.feed.lost(revision)
            raise
        self.file.flush()
        return result

    def _changed(self, change: Change) -> None:
        before, after = change.before, change.after
        if not change.revision:
            return
        # A store in which nothing was ever declared tells nodes 0 until now.
        self.base = self.base or change.revision
        placed = after or before
        assert placed is not None  # noqa: S101 - for mypy
        self.placements.replace(placed.name, after)
        places = {of_place(item.node) for item in (before, after) if item is not None}
        self.feed.durable(change.revision, change.happened, {CONTAINERS, *places})

    def _marked(self, marking: Marking) -> None:
        self.roster.mark(marking)
        if marking.changed:
            self.feed.durable(marking.revision, marking.happened, {NODES})

    def _keep(self, news: News) -> None:
        revision = self.numbers.volatile() if news.happened else 0
        if revision is None:
            self.seen.alive(news)
            return
        self.seen.keep(news, revision)
        heard_s = [peer.beat.at_s for peer in news.peers.values() if peer.up]
        self._due_s = min(self._due_s, min(heard_s, default=self._due_s) + self.seen.lease_s)
        if revision:
            self.feed.volatile(revision, news.happened, news.topics)

    def _begin(self) -> None:
        self.numbers.open(self.db.lost_bytes, time.time())
        migrate(self.db, self.numbers.start)
