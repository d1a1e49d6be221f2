"""What is written of a node: that it spoke, and how an administrator marked it.

One table with a row for each node that ever spoke, which has the revision of its last change.
"""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from services.core.errors import UnknownNode
from services.store.answers import ABSENT, Expect, check
from services.store.database import Database
from services.store.events import CORDONED, DRAINING, UNCORDONED, Happening
from services.store.limits import LimitReached, Limits
from services.store.transactions import Take, revision_of


class Marking(NamedTuple):
    """What is written of one node. revision: of its row. changed: whether it was."""

    node: str
    cordoned: bool
    draining: bool
    revision: int
    changed: bool = False
    happened: tuple[Happening, ...] = ()


class Markings:
    """Each method but `all` within a change of `db`."""

    def __init__(self, db: Database, limits: Limits) -> None:
        self._nodes = db.table("nodes")
        self._limits = limits

    def all(self) -> Iterator[Marking]:
        """Every node that ever spoke."""
        for row in self._nodes:
            yield _marking(str(row.doc_id), row)

    def mark(
        self,
        take: Take,
        node: str,
        cordoned: bool | None,
        draining: bool | None,
        expect: Expect,
        standing: int,
    ) -> Marking:
        """Mark `node`; None leaves as it is, and who drains is cordoned.

        standing: revision of what is only in memory of it. Raises RevisionConflict, UnknownNode.
        """
        row = self._nodes.row(node)
        check("node", node, expect, ABSENT if row is None else max(standing, revision_of(row)))
        if row is None:
            raise UnknownNode(node, tuple(sorted(str(row.doc_id) for row in self._nodes)))
        before = _marking(node, row)
        after = before._replace(
            cordoned=before.cordoned if cordoned is None else cordoned,
            draining=before.draining if draining is None else draining,
        )
        if draining:
            after = after._replace(cordoned=True)
        elif cordoned is False:
            after = after._replace(draining=False)
        if after == before:
            return before
        after = after._replace(revision=take(False))
        self._put(after)
        return after._replace(changed=True, happened=(_marked(before, after),))

    def enrol(self, take: Take, node: str) -> Marking:
        """Remember that `node` spoke. Raises LimitReached."""
        row = self._nodes.row(node)
        if row is not None:
            return _marking(node, row)
        if len(self._nodes) >= self._limits.nodes:
            raise LimitReached("nodes", self._limits.nodes)
        marking = Marking(node, False, False, revision=take(False), changed=True)
        self._put(marking)
        return marking

    def _put(self, marking: Marking) -> None:
        row = {"cordoned": marking.cordoned, "draining": marking.draining}
        self._nodes.put(marking.node, {**row, "revision": marking.revision})


def _marking(node: str, row: Mapping[str, Any]) -> Marking:
    return Marking(node, row["cordoned"], row["draining"], revision_of(row))


def _marked(before: Marking, after: Marking) -> Happening:
    kind, reason = UNCORDONED, "may get containers again"
    if after.draining:
        kind, reason = DRAINING, "gets nothing new, and gives away what it has"
    elif after.cordoned:
        kind = CORDONED
        reason = "drains no more, but gets nothing new" if before.draining else "gets nothing new"
    return Happening(kind, after.node, after.node, reason)
