"""Items in TinyDB's tables, by its public API."""

import zlib
from collections.abc import Iterator, Mapping
from typing import Any

from tinydb import TinyDB
from tinydb.storages import Storage
from tinydb.table import Document, Table

from services.state.keys import Item

# TinyDB copies a table for each operation on it: many small ones make a commit cost the same among
# ten thousand rows as among a hundred.
_TABLES = 256


class ItemTables:
    """Items by key, spread over tables. touched: those that were written to."""

    def __init__(self, storage: Storage) -> None:
        self._tiny = TinyDB(storage=lambda: storage)
        self._tiny.table_class = _Rows
        self.touched: set[str] = set()

    def get(self, key: str) -> Item | None:
        """Return the item of `key`, or None."""
        row: Any = self._table(_table_of(key)).get(doc_id=key)  # type: ignore[call-overload]
        return None if row is None else _item(key, row)

    def below(self, prefix: str) -> Iterator[Item]:
        """Every item whose key begins with `prefix`."""
        for name in self._tiny.tables():
            for row in self._table(name):
                key = str(row.doc_id)
                if key.startswith(prefix):
                    yield _item(key, row)

    def put(self, rows: Mapping[str, Item | None]) -> None:
        """Write `rows`; None: delete. A row that changes becomes another object."""
        tables: dict[str, dict[str, Item | None]] = {}
        for key, item in rows.items():
            tables.setdefault(_table_of(key), {})[key] = item
        self.touched |= tables.keys()
        for name, changes in tables.items():
            table = self._table(name)
            # Not update(): that changes the row itself, which the files would not notice.
            old: Any = [key for key in changes if table.contains(doc_id=key)]  # type: ignore[arg-type]
            if old:
                table.remove(doc_ids=old)
            new = [_document(key, item) for key, item in changes.items() if item is not None]
            if new:
                table.insert_multiple(new)

    def _table(self, name: str) -> Table:
        return self._tiny.table(name, cache_size=0)


class _Rows(Table):
    """A table whose rows have strings for ids."""

    document_id_class = str  # type: ignore[assignment]


def _table_of(key: str) -> str:
    return f"{key.partition('/')[0]}:{zlib.crc32(key.encode()) % _TABLES}"


def _document(key: str, item: Item) -> Document:
    row = {"value": item.value, "revision": item.revision, "created": item.created}
    return Document(row, key)  # type: ignore[arg-type]


def _item(key: str, row: Any) -> Item:
    return Item(key, row["value"], row["revision"], row["created"])
