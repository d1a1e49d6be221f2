"""TinyDB's tables, taught to record a change instead of copying all rows.

TinyDB reads, changes and writes all documents of all tables for each change. Here it is given
a mapping that looks like the table and keeps beside it what is put and deleted.
"""

import copy
import json
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from typing import Any, NoReturn

from tinydb.table import Document, Table

from services.store.journal import Row


class Overlay(MutableMapping[str, Row]):
    """`base` as it would be with `rows` put (None: deleted) in it. Writes go to `rows` alone.

    Its rows are those of `base`, in that order, then the new ones. Reading copies nothing.
    """

    def __init__(self, base: Mapping[str, Row], rows: dict[str, Row | None]) -> None:
        self._base = base
        self._rows = rows

    def __getitem__(self, row_id: str) -> Row:
        row = self._rows[row_id] if row_id in self._rows else self._base[row_id]
        if row is None:
            raise KeyError(row_id)
        return row

    def __setitem__(self, row_id: str, row: Row) -> None:
        self._rows[row_id] = row

    def __delitem__(self, row_id: str) -> None:
        if row_id not in self:
            raise KeyError(row_id)
        self._rows[row_id] = None

    def __contains__(self, row_id: object) -> bool:
        if row_id in self._rows:
            return self._rows[row_id] is not None
        return row_id in self._base

    def __iter__(self) -> Iterator[str]:
        yield from (row_id for row_id in self._base if row_id in self)
        yield from (row_id for row_id in self._rows if row_id in self and row_id not in self._base)

    def __len__(self) -> int:
        changed = ((row_id in self._base, row is not None) for row_id, row in self._rows.items())
        return len(self._base) + sum(now - before for before, now in changed)


class Editor(Overlay):
    """An overlay for code that changes the rows which it was handed, as TinyDB's `update` does."""

    def __init__(self, base: Mapping[str, Row]) -> None:
        super().__init__(base, {})

    def __getitem__(self, row_id: str) -> Row:
        if row_id not in self._rows:
            self._rows[row_id] = copy.deepcopy(self._base[row_id])
        return super().__getitem__(row_id)

    def clear(self) -> None:
        """Delete every row. MutableMapping would look for the first one again each time."""
        self._rows.update(dict.fromkeys(list(self)))

    def changes(self) -> dict[str, Row | None]:
        """What is not as it was: a row that was only looked at is none."""
        return {
            row_id: row
            for row_id, row in self._rows.items()
            if not _same(row, self._base.get(row_id))
        }


class Rows(Table):
    """A table whose ids are strings, given by whoever inserts: `document(fields, id)`.

    What a query returns is a copy of the first level; what is below that is not to be changed.
    """

    document_id_class = str  # type: ignore[assignment]
    _storage: Any

    def row(self, row_id: str) -> Mapping[str, Any] | None:
        """The row `row_id` itself, or None. Not to be changed."""
        return self._read_table().get(row_id)

    def put(self, row_id: str, row: Row) -> None:
        """Make `row` the row `row_id`, whether there is one or not; no old field is left."""
        self._update_table(lambda table: table.__setitem__(row_id, dict(row)))

    def drop(self, row_id: str) -> None:
        """Remove the row `row_id`, if there is one."""
        self._update_table(lambda table: table.pop(row_id, None))

    def _read_table(self) -> Mapping[str, Row]:  # type: ignore[override]
        return self._storage.rows(self.name)  # type: ignore[no-any-return]

    def _update_table(self, updater: Callable[[Any], object]) -> None:
        step = Editor(self._read_table())
        # An error leaves the transaction as it was before this step.
        updater(step)
        self._storage.record(self.name, step.changes())

    def _get_next_id(self) -> NoReturn:
        raise TypeError(f"a row of {self.name!r} needs an id: insert(document(fields, id))")


def document(row: Row, row_id: str) -> Document:
    """A TinyDB document with an id of our kind."""
    return Document(row, row_id)  # type: ignore[arg-type]


def _same(row: Row | None, before: Row | None) -> bool:
    # Python takes True for 1, JSON does not.
    return row == before and json.dumps(row) == json.dumps(before)
