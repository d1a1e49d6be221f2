"""What each change of a container does to the tables, within one transaction.

Users write what is *wanted*, scheduler and node controller what is *placed*: two tables with one
row for each container, which has the revision of its last change.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from services.core.errors import UnknownContainer
from services.core.model import KEEP, Container, Placed
from services.store.answers import ABSENT, Expect, check
from services.store.database import Database
from services.store.events import (
    PLACED,
    UNPLACED,
    UNWANTED,
    WANTED,
    Happening,
)
from services.store.limits import LimitReached, Limits, short

# Gives the change its revision. declares: whether what is wanted or placed changes.
Take = Callable[[bool], int]


class Change(NamedTuple):
    """What became of one container. revision: 0 if nothing changed."""

    before: Placed | None
    after: Placed | None
    revision: int = 0
    happened: tuple[Happening, ...] = ()

    @property
    def placed(self) -> Placed:
        """What it is now; not to be asked of one that is no more."""
        assert self.after is not None  # noqa: S101 - for mypy
        return self.after


class Transactions:
    """Each method but `containers` within a change of `db`."""

    def __init__(self, db: Database, limits: Limits) -> None:
        self._wanted = db.table("wanted")
        self._placed = db.table("placed")
        self._limits = limits

    def containers(self) -> Iterator[Placed]:
        """Every container there is."""
        for row in self._wanted:
            placed = self._read(str(row.doc_id))
            assert placed is not None  # noqa: S101 - for mypy
            yield placed

    def declare(self, take: Take, container: Container, node: str | None) -> Change:
        """Want `container`, on `node` if the user insists; one that exists stays as it is."""
        before = self._read(container.name)
        if before is not None:
            return Change(before, before)
        revision = self._want(take, container, before)
        happened = [Happening(WANTED, container.name, "", "declared")]
        if node is not None:
            self._put(container.name, node, "declared there", revision)
            happened.append(Happening(PLACED, container.name, node, "declared there"))
        return Change(None, Placed(container, node, revision), revision, tuple(happened))

    def replace(self, take: Take, container: Container, expect: Expect) -> Change:
        """Want `container`, whatever was wanted under its name. Raises RevisionConflict."""
        before = self._expected(container.name, expect)
        if before is not None and before.container == container:
            return Change(before, before)
        revision = self._want(take, container, before)
        reason = "declared" if before is None else _difference(before.container, container)
        node = before.node if before else None
        happened = Happening(WANTED, container.name, node or "", reason)
        return Change(before, Placed(container, node, revision), revision, (happened,))

    def remove(self, take: Take, name: str, expect: Expect) -> Change:
        """Want `name` no longer, if anybody did. Raises RevisionConflict."""
        before = self._expected(name, expect)
        if before is None:
            return Change(None, None)
        self._wanted.drop(name)
        self._placed.drop(name)
        happened = Happening(UNWANTED, name, before.node or "", "deleted")
        return Change(before, None, take(True), (happened,))

    def place(self, take: Take, name: str, node: str | None, reason: str, expect: Expect) -> Change:
        """Put `name` on `node`. Raises RevisionConflict, then UnknownContainer."""
        before = self._expected(name, expect)
        if before is None:
            raise UnknownContainer(name)
        if before.node == node:
            return Change(before, before)
        revision = take(True)
        self._put(name, node, reason, revision)
        happened = (
            Happening(UNPLACED, name, before.node or "", reason)
            if node is None
            else Happening(PLACED, name, node, reason)
        )
        return Change(before, Placed(before.container, node, revision), revision, (happened,))

    def _expected(self, name: str, expect: Expect) -> Placed | None:
        before = self._read(name)
        check("container", name, expect, before.revision if before else ABSENT)
        return before

    def _read(self, name: str) -> Placed | None:
        wanted = self._wanted.row(name)
        if wanted is None:
            return None
        container = Container(name, wanted["image"], wanted.get("on_disconnect", KEEP))
        placed = self._placed.row(name)
        if placed is None:
            return Placed(container, None, revision_of(wanted))
        return Placed(container, placed["node"], max(revision_of(wanted), revision_of(placed)))

    def _want(self, take: Take, container: Container, before: Placed | None) -> int:
        if before is None and len(self._wanted) >= self._limits.containers:
            raise LimitReached("containers", self._limits.containers)
        revision = take(True)
        self._wanted.put(container.name, {**container._asdict(), "revision": revision})
        return revision

    def _put(self, name: str, node: str | None, reason: str, revision: int) -> None:
        row = {"name": name, "node": node, "reason": short(reason), "revision": revision}
        self._placed.put(name, row)


def _difference(before: Container, after: Container) -> str:
    changed = [
        f"{field} {new}"
        for field, old, new in zip(after._fields, before, after, strict=True)
        if old != new
    ]
    return f"declared anew: {', '.join(changed)}"


def revision_of(row: Mapping[str, Any]) -> int:
    """Return the revision of the last change of `row`."""
    return int(row["revision"])
