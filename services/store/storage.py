"""Where TinyDB keeps its tables: one durable file, written once per transaction.

TinyDB's own JSONStorage rewrites in place: killed in the middle of that, it left 43 of 300
files unreadable. It also writes once per table operation, and a change of ours touches
several tables that must be seen, and survive, together.
"""

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tinydb.storages import Storage

from services.durable import DurableFile

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
