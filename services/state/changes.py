"""What each change writes: from the state as it is to keys, compares and events. Nothing acts here.

Every function returns a Plan, or raises what the user is told. A plan holds for the state that it
was made from: its compares see to that, and it is made again if they fail.
"""

from collections import Counter
from itertools import islice
from types import MappingProxyType
from typing import Any, NamedTuple

from services.core.errors import UnknownContainer
from services.core.model import Container, Placed
from services.state.answers import (
    ABSENT,
    PLACED,
    UNPLACED,
    UNWANTED,
    WANTED,
    Expect,
    Happening,
    LimitReached,
    Limits,
    check,
)
from services.state.keys import Compare, Write
from services.state.mirror import Mirror
from services.state.rows import (
    CONTAINER,
    DECLARED,
    DROPPED,
    LEFT,
    NODE,
    Kept,
    dump_container,
    dump_left,
)

# Events that one commit deletes: etcd takes 128 keys in a commit.
_MOST_DELETES = 50
# A node may have a quarter of all events.
_SHARE = 4


class Plan(NamedTuple):
    """One commit. after: the container that it leaves, as it was before; created: if it is new."""

    compare: Compare = MappingProxyType({})
    write: Write = MappingProxyType({})
    happened: tuple[Happening, ...] = ()
    after: Placed | None = None
    created: bool = False

    def at(self, revision: int) -> "Plan":
        """Return this as it was committed, at `revision`."""
        if self.after is None:
            return self
        after = self.after._replace(revision=revision)
        if self.created:
            after = after._replace(container=after.container._replace(created=revision))
        return self._replace(after=after)

    @property
    def placed(self) -> Placed:
        """Of a plan that leaves a container."""
        assert self.after is not None  # noqa: S101 - for mypy
        return self.after


def declare(view: Mirror, limits: Limits, container: Container, node: str | None) -> Plan:
    """Want `container`, on `node` if the user insists; one that exists stays as it is."""
    before = view.placements.get(container.name)
    if before is not None:
        return Plan(after=before.placed)
    happened = [Happening(WANTED, container.name, "", "declared")]
    if node is not None:
        happened.append(Happening(PLACED, container.name, node, "declared there"))
    return _new(view, limits, container, node, happened)


def replace(view: Mirror, limits: Limits, container: Container, expect: Expect) -> Plan:
    """Want `container`, whatever was wanted under its name."""
    before = _expected(view, container.name, expect)
    if before is None:
        happened = [Happening(WANTED, container.name, "", "declared")]
        return _new(view, limits, container, None, happened)
    was, node = before.placed.container, before.placed.node
    container = container._replace(created=was.created)
    if was == container:
        return Plan(after=before.placed)
    since = before.policy_since if was.on_disconnect == container.on_disconnect else 0
    return Plan(
        {_key(container.name): before.placed.revision},
        {_key(container.name): dump_container(container, node, before.reason, since)},
        (Happening(WANTED, container.name, node or "", _difference(was, container)),),
        Placed(container, node),
    )


def remove(view: Mirror, name: str, expect: Expect) -> Plan:
    """Want `name` no longer, if it was wanted."""
    before = _expected(view, name, expect)
    if before is None:
        return Plan()
    happened = Happening(UNWANTED, name, before.placed.node or "", "deleted")
    compare, write = _leaves(view, before)
    return Plan(
        {_key(name): before.placed.revision, **compare}, {_key(name): None, **write}, (happened,)
    )


def place(view: Mirror, name: str, node: str | None, reason: str, expect: Expect) -> Plan:
    """Put `name` on `node`."""
    before = _expected(view, name, expect)
    if before is None:
        raise UnknownContainer(name)
    container, was, revision = before.placed
    if was == node:
        return Plan(after=before.placed)
    happened = (
        Happening(UNPLACED, name, was or "", reason)
        if node is None
        else Happening(PLACED, name, node, reason)
    )
    value = dump_container(container, node, reason, before.policy_since)
    compare, write = _leaves(view, before)
    return Plan(
        {_key(name): revision, **compare},
        {_key(name): value, **write},
        (happened,),
        Placed(container, node),
    )


def room(view: Mirror, limits: Limits) -> Write:
    """Return deletes of old events if there are too many.

    Those of one node go first if it has more than its share: it must not push out all others'.
    """
    if len(view.events) <= limits.events:
        return {}
    node, count = Counter(event.node for event in view.events).most_common(1)[0]
    share = limits.events // _SHARE
    old = (pair for pair in view.events.pairs() if count <= share or pair[0].node == node)
    doomed = list(islice(old, _MOST_DELETES))
    dropped = max(view.dropped, doomed[-1][0].revision)
    return {**{key: None for _, key in doomed}, DROPPED: {"revision": dropped}}


def _new(
    view: Mirror, limits: Limits, container: Container, node: str | None, happened: list[Happening]
) -> Plan:
    if len(view.placements) >= limits.containers:
        raise LimitReached("containers", limits.containers)
    reason = happened[-1].reason if node else ""
    write: dict[str, Any] = {_key(container.name): dump_container(container, node, reason)}
    if not view.first:
        write[DECLARED] = {}
    after = Placed(container, node)
    return Plan({_key(container.name): ABSENT}, write, tuple(happened), after, created=True)


def _leaves(view: Mirror, kept: Kept) -> tuple[Compare, Write]:
    """What to remember of a container that is taken off a node which may not hear of it.

    A node that never spoke cannot run it; that must still be so when this is written.
    """
    node, name = kept.placed.node, kept.placed.name
    if node is None:
        return {}, {}
    if node not in view.marked:
        return {NODE + node: ABSENT}, {}
    before = view.left.get(node, {}).get(name)
    return {}, {f"{LEFT}{node}/{name}": dump_left(kept, view.acted_on(node), before)}


def _expected(view: Mirror, name: str, expect: Expect) -> Kept | None:
    before = view.placements.get(name)
    check("container", name, expect, before.placed.revision if before else ABSENT)
    return before


def _difference(before: Container, after: Container) -> str:
    changed = [
        f"{field} {new}"
        for field, old, new in zip(after._fields, before, after, strict=True)
        if old != new
    ]
    return f"declared again: {', '.join(changed)}"


def _key(name: str) -> str:
    return CONTAINER + name
