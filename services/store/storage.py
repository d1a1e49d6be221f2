"""Where TinyDB keeps its tables: one durable file, written once per transaction.

TinyDB's own JSONStorage rewrites in place: killed in the middle of that, it left 43 of 300
files unreadable. It also writes once per table operation, and a change of ours touches
several tables that must be seen, and survive, together.
"""

import copy
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

from tinydb.storages import Storage

from services.durable import DurableFile
from services.store import journal
from services.store.table import Overlay

T = TypeVar("T")
Tables = dict[str, dict[str, Any]]


class DurableStorage(Storage):
    """All tables in memory, and the last committed state of them on disk.

    Not for several threads at once: the store's lock sees to that.
    problem: "" or what had to be repaired when the file was opened.
    """

    def __init__(self, path: str) -> None:
        self._file = DurableFile(path)
        loaded = self._file.load()
        self.problem = loaded.problem
        self._committed: Tables | None = loaded.document
        self._working: Tables | None = None
        self._open = False

    def read(self) -> Tables | None:
        """Return the tables as the current transaction sees them."""
        return self._working if self._open else self._committed

    def write(self, data: Tables) -> None:
        """Keep `data` for the end of the transaction; outside of one, that is now."""
        if self._open:
            self._working = data
        else:
            self._file.save(data)
            self._committed = data

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Every write inside becomes durable at the end, by one fsync; none does after an error."""
        # TinyDB changes documents in place, so what is committed must be out of its reach.
        self._working = copy.deepcopy(self._committed)
        self._open = True
        try:
            yield
            if self._working is not None and self._working != self._committed:
                self._file.save(self._working)
            self._committed = self._working
        finally:
            self._open = False
            self._working = None


class Layers(Storage):
    """What is committed, under what the open batch has changed, under what one change does.

    Whoever runs a change sees all three; everybody else sees what is committed, which is on disk.
    Not for several threads at once: the database's lock sees to that.
    """

    def __init__(self, committed: journal.Tables) -> None:
        self.committed = committed
        self._batch: journal.Changes = {}
        self._step: journal.Changes = {}
        self._changing: int | None = None

    def rows(self, name: str) -> Mapping[str, journal.Row]:
        """The rows of table `name` as the caller may see them."""
        seen: Mapping[str, journal.Row] = self.committed.get(name, {})
        if self.is_changing():
            for changes in (self._batch, self._step):
                if name in changes:
                    seen = Overlay(seen, changes[name])
        return seen

    def record(self, name: str, rows: dict[str, journal.Row | None]) -> None:
        """Add to what the open change has done. Raises RuntimeError outside of one."""
        if not self.is_changing():
            raise RuntimeError(f"table {name!r} can be written to only within Database.change")
        if rows:
            self._step.setdefault(name, {}).update(rows)

    def is_changing(self) -> bool:
        """Whether the caller is what `run` runs."""
        return self._changing == threading.get_ident()

    def run(self, apply: Callable[[], T], number: int) -> tuple[T, bytes]:
        """Run `apply` as change `number`; return its result and its line, b"" if none is needed.

        Later changes see it until `drop`. After an error, which is raised, there is no trace.
        """
        self._changing = threading.get_ident()
        try:
            result = apply()
            if not self._step:
                return result, b""
            line = journal.encode_change(number, self._step)
            # As it will be read again after a restart, and out of reach of who made it.
            for name, rows in journal.decode(line)["rows"].items():
                self._batch.setdefault(name, {}).update(rows)
            return result, line
        finally:
            self._changing = None
            self._step = {}

    def merge(self) -> None:
        """Let everybody see the batch."""
        journal.apply(self._batch, self.committed)
        self._batch = {}

    def drop(self) -> None:
        """Forget the batch."""
        self._batch = {}

    def read(self) -> Any:
        """What TinyDB asks for its list of tables."""
        return {name: self.rows(name) for name in self.committed}

    def write(self, data: Any) -> None:
        """Refused: tables record their changes instead of writing all of themselves."""
        raise RuntimeError("tables are changed row by row, within Database.change")
