"""What TinyDB's tables are read from: committed rows, and above them what a change has done.

TinyDB writes all tables for each operation on one. A change of ours touches several tables that
must be seen, and survive, together, and among ten thousand rows it must cost no more than its own.
"""

import threading
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from tinydb.storages import Storage

from services.store import journal
from services.store.table import Overlay

T = TypeVar("T")


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
