"""Keys in one process: TinyDB's tables, on a storage that is durable. Made for a lab.

Commits that arrive while another one is on its way to the disk go there together, written by the
first of them: one sync serves all who wait, and there is no thread of its own.
"""

import threading
import time
import zlib
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from tinydb import TinyDB
from tinydb.table import Document, Table

from services.state.keys import (
    ABSENT,
    EVENTS,
    SEEN,
    Change,
    Compacted,
    Compare,
    Conflict,
    Item,
    Snapshot,
    Unavailable,
    Write,
)
from services.state.storage import DurableStorage, Offload, call_here

# Changes that a watch may be behind.
_HISTORY = 4096
# TinyDB copies a table for each operation on it: many small ones make a commit cost the same among
# ten thousand rows as among a hundred.
_TABLES = 256
_CLOSED = "closed"
# Revisions given out in a millisecond: more than there can be. See EmbeddedKeys.
_PER_MS = 100


class EmbeddedKeys:
    """Keys in the folder `folder`, which one process uses at a time.

    A store that is opened again goes on at a revision taken from the time of day, which is higher
    than any that was given out before, also by a copy of the folder that was put back later. Only
    a clock that was set back at the same time defeats that.
    """

    def __init__(
        self, folder: Path, *, offload: Offload[Any] = call_here, wall_s: float | None = None
    ) -> None:
        """Open the store, or make a new one. Raises LabError and OSError.

        offload: runs what blocks for the disk. wall_s: the time of day.
        """
        self._where = str(folder)
        self._storage = DurableStorage(folder, offload)
        self._tiny = TinyDB(storage=lambda: self._storage)
        self._tiny.table_class = _Rows
        self.problem, self.lost = self._storage.problem, self._storage.lost
        # Written by `close` alone: without it, events that waited for a commit are missing.
        self.complete = not self._storage.found or self._item(_CLOSED, {}) is not None
        self._seen: dict[str, Item] = {}
        # Tables that were written since the last commit to the disk, and events that wait for it.
        self._touched: set[str] = set()
        self._late: dict[str, Item | None] = {}
        self._turn = threading.Condition()
        self._queue: list[_Commit] = []
        self._leading = self._closed = False
        newest = max((item.revision for item in self._stored("")), default=0)
        now_ms = int((time.time() if wall_s is None else wall_s) * 1000)
        self._revision = max(newest, now_ms * _PER_MS) if self._storage.found else 0
        self._history: deque[Change] = deque(maxlen=_HISTORY)
        self._compacted = self._revision
        if self._item(_CLOSED, {}) is not None:
            self._put({_CLOSED: None})
            self._storage.commit(self._touched)
            self._touched = set()
        self.trouble = ""
        self._stats = {"commits": 0, "changes": 0, "last_batch": 0, "largest_batch": 0}

    def read(self, prefix: str) -> Snapshot:
        """As Keys.read."""
        with self._turn:
            while self._leading:
                self._turn.wait()
            volatile = [item for key, item in self._seen.items() if key.startswith(prefix)]
            items = sorted([*self._stored(prefix), *volatile])
            return Snapshot(tuple(items), self._revision)

    def commit(self, compare: Compare, write: Write) -> int:
        """As Keys.commit."""
        commit = _Commit(compare, write)
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
                    self._put({_CLOSED: Item(_CLOSED, {}, self._revision, self._revision)})
                    self._storage.commit(self._touched)
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

    def _make(self, batch: list["_Commit"]) -> None:
        """Make every commit of `batch`, in order; each is over afterwards."""
        with self._turn:
            made = self._stage(batch)
        durable = [one for one in made if one.durable]
        failure = ""
        if durable:
            try:
                self._storage.commit(self._touched)
            except OSError as error:
                failure = error.strerror or str(error)
        with self._turn:
            if failure:
                # What does not wait for the disk is made again, without what failed.
                self._storage.rollback()
                self._touched = set()
                for one in durable:
                    one.fail(self._unavailable(failure))
                self._put(self._late)
                made = self._stage([one for one in batch if not one.durable])
            elif durable:
                self._late, self._touched = {}, set()
            self._publish(made)
            self._count(len(durable), failure)

    def _stage(self, batch: Iterable["_Commit"]) -> list["_Commit"]:
        """Write what can be committed into the tables; return that. The others have failed."""
        if self._closed:
            for one in batch:
                one.fail(self._unavailable("the store is closed"))
            return []
        made = []
        revision, rows = self._revision, dict[str, Item | None]()
        for one in batch:
            known = {key: self._item(key, rows) for key in (*one.compare, *one.write)}
            if any(_at(known[key]) != expected for key, expected in one.compare.items()):
                one.fail(Conflict())
                continue
            revision += 1
            one.change = _change(revision, one.write, known)
            rows |= {item.key: item for item in one.change.changed}
            rows |= dict.fromkeys(one.change.deleted)
            made.append(one)
        self._put({key: item for key, item in rows.items() if not key.startswith(SEEN)})
        return made

    def _publish(self, made: list["_Commit"]) -> None:
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

    def _put(self, rows: dict[str, Item | None]) -> None:
        """Write `rows` into TinyDB's tables. A row that changes becomes a new object."""
        tables: dict[str, dict[str, Item | None]] = {}
        for key, item in rows.items():
            tables.setdefault(_table_of(key), {})[key] = item
        self._touched |= tables.keys()
        for name, changes in tables.items():
            table = self._table(name)
            # Not update(): that changes the row itself, which the files would not notice.
            old: Any = [key for key in changes if table.contains(doc_id=key)]  # type: ignore[arg-type]
            if old:
                table.remove(doc_ids=old)
            new = [_document(key, item) for key, item in changes.items() if item is not None]
            if new:
                table.insert_multiple(new)

    def _item(self, key: str, rows: dict[str, Item | None]) -> Item | None:
        if key in rows:
            return rows[key]
        if key.startswith(SEEN):
            return self._seen.get(key)
        row: Any = self._table(_table_of(key)).get(doc_id=key)  # type: ignore[call-overload]
        return None if row is None else _item_of(key, row)

    def _stored(self, prefix: str) -> Iterator[Item]:
        for name in self._tiny.tables():
            for row in self._table(name):
                key = str(row.doc_id)
                if key.startswith(prefix):
                    yield _item_of(key, row)

    def _table(self, name: str) -> Table:
        return self._tiny.table(name, cache_size=0)

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


class _Commit:
    """A commit that waits to be made, and what became of it."""

    change: Change

    def __init__(self, compare: Compare, write: Write) -> None:
        self.compare = compare
        self.write = write
        self.durable = not all(key.startswith((SEEN, EVENTS)) for key in write)
        self.over = False
        self._error: Exception | None = None

    def fail(self, error: Exception) -> bool:
        self._error = error
        self.over = True
        return True

    def result(self) -> int:
        if self._error is not None:
            raise self._error
        return self.change.revision


class _Rows(Table):
    """A table whose rows have strings for ids."""

    document_id_class = str  # type: ignore[assignment]


def _change(revision: int, write: Write, known: dict[str, Item | None]) -> Change:
    changed, deleted = [], []
    for key, value in write.items():
        before = known[key]
        if value is not None:
            created = revision if before is None else before.created
            changed.append(Item(key, value, revision, created))
        elif before is not None:
            deleted.append(key)
    return Change(revision, tuple(changed), tuple(deleted))


def _at(item: Item | None) -> int:
    return ABSENT if item is None else item.revision


def _table_of(key: str) -> str:
    return f"{key.partition('/')[0]}:{zlib.crc32(key.encode()) % _TABLES}"


def _document(key: str, item: Item) -> Document:
    row = {"value": item.value, "revision": item.revision, "created": item.created}
    return Document(row, key)  # type: ignore[arg-type]


def _item_of(key: str, row: Any) -> Item:
    return Item(key, row["value"], row["revision"], row["created"])
