"""Rows of earlier versions, brought to today's shape when the store is opened."""

from collections.abc import Mapping
from typing import Any

from services.store.database import Database


def migrate(db: Database, start: int) -> None:
    """Within a change: give every row a revision, and nodes that spoke a table with marks.

    start: the last revision that an earlier process can have given out.
    """
    for name in ("wanted", "placed"):
        table = db.table(name)
        for row in _without_revision(table):
            table.put(str(row.doc_id), {**row, "revision": start})
    spoke, nodes = db.table("spoke"), db.table("nodes")
    for row in list(spoke):
        if nodes.row(str(row.doc_id)) is None:
            marks = {"cordoned": False, "draining": False, "revision": start}
            nodes.put(str(row.doc_id), marks)
        spoke.drop(str(row.doc_id))


def _without_revision(table: Any) -> list[Any]:
    def lacks(row: Mapping[str, Any]) -> bool:
        return "revision" not in row

    return [row for row in table if lacks(row)]
