"""Keys in one process: TinyDB's tables, on a storage that is durable. Made for a lab.

Commits that arrive while another one is on its way to the disk go there together, written by the
first of them: one sync serves all who wait, and there is no thread of its own.
"""

import threading
import time
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from services.state.commits import Commit
from services.state.keys import (
    SEEN,
    Change,
    Compacted,
    Compare,
    Conflict,
    Item,
    Snapshot,
    Unavailable,
    Write,
    check_size,
)
from services.state.storage import DurableStorage, Offload, call_here
from services.state.tables import ItemTables

# Changes that a watch may be behind.
_HISTORY = 4096
_CLOSED = "closed"
# Revisions given out in a millisecond: more than there can be. See EmbeddedKeys.
_PER_MS = 100


class EmbeddedKeys:
    """Keys in the folder `folder`, which one process uses at a time.

    A store that is opened again goes on at a revision taken from the time of day, which is higher
    than any that was given out before, also by a copy of the folder that was put back later. Only
    a clock that was set back at the same time defeats that.
    """

    shared = False

    def __init__(self, folder: Path, *, offload: Offload[Any] = call_here) -> None:
        """Open the store, or make a new one. Raises LabError and OSError.

        offload: runs what blocks for the disk.
        """
        self._where = str(folder)
        self._storage = DurableStorage(folder, offload)
        self._tables = ItemTables(self._storage)
        self.problem, self.lost = self._storage.problem, self._storage.lost
        # Written by `close` alone: without it, events that waited for a commit are missing.
        self.complete = not self._storage.found or self._item(_CLOSED, {}) is not None
        self._seen: dict[str, Item] = {}
        # Events that wait for the next commit to the disk.
        self._late: dict[str, Item | None] = {}
        self._turn = threading.Condition()
        self._queue: list[Commit] = []
        self._leading = self._closed = False
        newest = max((item.revision for item in self._tables.below("")), default=0)
        now_ms = int(time.time() * 1000)
        self._revision = max(newest, now_ms * _PER_MS) if self._storage.found else 0
        self._history: deque[Change] = deque(maxlen=_HISTORY)
        self._compacted = self._revision
        if self._item(_CLOSED, {}) is not None:
            self._tables.put({_CLOSED: None})
            self._storage.commit(self._tables.touched)
            self._tables.touched = set()
        self.trouble = ""
        self._stats = {"commits": 0, "changes": 0, "last_batch": 0, "largest_batch": 0}

    def read(self, prefix: str) -> Snapshot:
        """As Keys.read."""
        with self._turn:
            while self._leading:
                self._turn.wait()
            volatile = [item for key, item in self._seen.items() if key.startswith(prefix)]
            items = sorted([*self._tables.below(prefix), *volatile])
            return Snapshot(tuple(items), self._revision)

    def commit(self, compare: Compare, write: Write) -> int:
        """As Keys.commit."""
        check_size(compare, write)
        commit = Commit(compare, write)
        with self._turn:
            self._queue.append(commit)
            while self._leading and not commit.over:
                self._turn.wait()
            if commit.over:
                return commit.result()
            self._leading = True
            batch, self._queue = self._queue, []
        try:
            self._make(batch)
        finally:
            with self._turn:
                for one in batch:
                    # Interrupted: it may be on disk or not.
                    one.over = one.over or one.fail(self._unavailable("interrupted"))
                self._leading = False
                self._turn.notify_all()
        return commit.result()

    def watch(self, prefix: str, after: int) -> Iterator[Change]:
        """As Keys.watch."""
        while True:
            with self._turn:
                while not self._closed and after >= self._compacted and not self._after(after):
                    self._turn.wait()
                if self._closed:
                    return
                if after < self._compacted:
                    raise Compacted
                news = self._after(after)
            for change in news:
                after = change.revision
                changed = tuple(item for item in change.changed if item.key.startswith(prefix))
                deleted = tuple(key for key in change.deleted if key.startswith(prefix))
                if changed or deleted:
                    yield Change(change.revision, changed, deleted)

    def stats(self) -> Mapping[str, int]:
        """As Keys.stats, since the opening. commits: to the disk, of one change or more."""
        files = self._storage
        return {**self._stats, "file_bytes": files.size, "generations": files.generations}

    def close(self) -> None:
        """As Keys.close. Events that waited for a commit are written."""
        with self._turn:
            while self._leading:
                self._turn.wait()
            if not self._closed:
                with suppress(OSError):
                    self._tables.put({_CLOSED: Item(_CLOSED, {}, self._revision, self._revision)})
                    self._storage.commit(self._tables.touched)
            self._closed = True
            self._storage.close()
            self._turn.notify_all()

    def _after(self, revision: int) -> list[Change]:
        found: list[Change] = []
        for change in reversed(self._history):
            if change.revision <= revision:
                break
            found.append(change)
        return found[::-1]

    def _make(self, batch: list[Commit]) -> None:
        """Make every commit of `batch`, in order; each is over afterwards."""
        with self._turn:
            made = self._stage(batch)
        durable = [one for one in made if one.durable]
        failure = ""
        if durable:
            try:
                self._storage.commit(self._tables.touched)
            except OSError as error:
                failure = error.strerror or str(error)
            except BaseException:
                # It may be on disk or not: the next commit begins another file, without it.
                self._storage.rollback()
                self._storage.close()
                self._tables.touched = set()
                self._tables.put(self._late)
                raise
        with self._turn:
            if failure:
                # What does not wait for the disk is made again, without what failed.
                self._storage.rollback()
                self._tables.touched = set()
                for one in durable:
                    one.fail(self._unavailable(failure))
                self._tables.put(self._late)
                made = self._stage([one for one in batch if not (one.durable or one.over)])
            elif durable:
                self._late, self._tables.touched = {}, set()
            self._publish(made)
            self._count(len(durable), failure)

    def _stage(self, batch: Iterable[Commit]) -> list[Commit]:
        """Write what can be committed into the tables; return that. The others have failed."""
        if self._closed:
            for one in batch:
                one.fail(self._unavailable("the store is closed"))
            return []
        made = []
        revision = self._revision
        rows: dict[str, Item | None] = {}
        for one in batch:
            known = {key: self._item(key, rows) for key in one.keys}
            if not one.holds(known):
                one.fail(Conflict())
                continue
            revision += 1
            one.make(revision, known)
            rows |= {item.key: item for item in one.change.changed}
            rows |= dict.fromkeys(one.change.deleted)
            made.append(one)
        self._tables.put({key: item for key, item in rows.items() if not key.startswith(SEEN)})
        return made

    def _publish(self, made: list[Commit]) -> None:
        for one in made:
            change = one.change
            self._revision = change.revision
            rows = {item.key: item for item in change.changed} | dict.fromkeys(change.deleted)
            for key, item in rows.items():
                if key.startswith(SEEN):
                    if item is None:
                        self._seen.pop(key, None)
                    else:
                        self._seen[key] = item
                elif not one.durable:
                    self._late[key] = item
            if len(self._history) == _HISTORY:
                self._compacted = self._history[0].revision
            self._history.append(change)
            one.over = True
        self._turn.notify_all()

    def _item(self, key: str, rows: Mapping[str, Item | None]) -> Item | None:
        if key in rows:
            return rows[key]
        return self._seen.get(key) if key.startswith(SEEN) else self._tables.get(key)

    def _unavailable(self, detail: str) -> Unavailable:
        hint = f"check free space and permissions: df -h {self._where}; ls -ld {self._where}"
        return Unavailable(self._where, detail, hint)

    def _count(self, changes: int, failure: str) -> None:
        if not (changes or failure):
            return
        self.trouble = failure
        if not failure:
            self._stats["commits"] += 1
            self._stats["changes"] += changes
            self._stats["last_batch"] = changes
            self._stats["largest_batch"] = max(changes, self._stats["largest_batch"])
