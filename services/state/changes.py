"""What each change writes: from the state as it is to keys, compares and events. Nothing acts here.

Every function returns a Plan, or raises what the user is told. A plan holds for the state that it
was made from: its compares see to that, and it is made again if they fail.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from services.core.errors import UnknownContainer, UnknownNode
from services.core.liveness import health
from services.core.model import Container, Health, Placed, UnitState
from services.state.answers import (
    ABSENT,
    CORDONED,
    DRAINING,
    NODE_DOWN,
    NODE_LEAVING,
    NODE_UP,
    PLACED,
    RUNNING,
    STOPPED,
    UNCORDONED,
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
    ACTED,
    CONTAINER,
    DECLARED,
    LEFT,
    NODE,
    Kept,
    Sign,
    dump_container,
    dump_left,
    dump_sign,
    seen_key,
    wall,
)

# Events of one commit; what a report has beyond that is one event.
_MOST_EVENTS = 40


class Plan(NamedTuple):
    """One commit. after: the container that it leaves, with the revision that it had before."""

    compare: Compare = MappingProxyType({})
    write: Write = MappingProxyType({})
    happened: tuple[Happening, ...] = ()
    after: Placed | None = None
    created: bool = False


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
    write = {_key(name): None, **_leaves(view, before)}
    return Plan({_key(name): before.placed.revision}, write, (happened,))


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
    return Plan(
        {_key(name): revision},
        {_key(name): value, **_leaves(view, before)},
        (happened,),
        Placed(container, node),
    )


def mark(
    view: Mirror, node: str, cordoned: bool | None, draining: bool | None, expect: Expect
) -> Plan:
    """Mark `node`; None leaves as it is, and a node that drains is cordoned."""
    before = view.marked.get(node)
    check("node", node, expect, ABSENT if before is None else view.stands(node))
    if before is None:
        raise UnknownNode(node, tuple(sorted(view.marked)))
    after = before._replace(
        cordoned=before.cordoned if cordoned is None else cordoned,
        draining=before.draining if draining is None else draining,
    )
    if draining:
        after = after._replace(cordoned=True)
    elif cordoned is False:
        after = after._replace(draining=False)
    if after == before:
        return Plan()
    kind, reason = UNCORDONED, "may get containers again"
    if after.draining:
        kind, reason = DRAINING, "gets nothing new, and gives away what it has"
    elif after.cordoned:
        kind = CORDONED
        reason = "drains no more, but gets nothing new" if before.draining else "gets nothing new"
    value = {"cordoned": after.cordoned, "draining": after.draining}
    happened = Happening(kind, node, node, reason)
    return Plan({NODE + node: before.revision}, {NODE + node: value}, (happened,))


def enrol(view: Mirror, limits: Limits, node: str, plan: Plan) -> Plan:
    """Return `plan`, which also remembers that `node` spoke."""
    if node in view.marked:
        return plan
    known = view.marked.keys() | view.signs.keys()
    if node not in known and len(known) >= limits.nodes:
        raise LimitReached("nodes", limits.nodes)
    return plan._replace(
        compare={**plan.compare, NODE + node: ABSENT},
        write={**plan.write, NODE + node: {"cordoned": False, "draining": False}},
    )


def act(view: Mirror, node: str, revision: int) -> Plan:
    """Remember that `node` acted on the assignment of `revision`: what left it before, it knows.

    A revision that this store did not give comes from before the store was set back: what was
    said under it may not be true here.
    """
    if not view.acted.get(node, 0) < revision <= view.assigned(node):
        return Plan()
    known = [left for left in view.left.get(node, {}).values() if left.revision <= revision]
    gone = {f"{LEFT}{node}/{left.name}": None for left in known}
    return Plan(
        {f"{LEFT}{node}/{left.name}": left.revision for left in known},
        {ACTED + node: {"revision": revision}, **gone},
    )


def hear(
    view: Mirror,
    node: str,
    running: Mapping[str, UnitState] | None,
    boot: str | None,
    acted: int | None,
    *,
    silent_s: float,
    known: bool,
) -> Plan:
    """Write a sign of life. running: None if it does not say. boot: None if it was not asked.

    silent_s: since the sign before. known: whether the node spoke before the server started.
    """
    before = view.signs.get(node)
    if running is None:
        running = before.running if before else {}
        acted = before.acted if before else None
    left = before.left if before else None
    returns = left is not None and boot is not None and (not boot or boot != left)
    sign = Sign(wall(), running, True, None if returns else left, acted)
    happened = _reports(node, before, sign)
    if before is None:
        # What it says at first is no change of anything.
        since = " since the server started" if known else ""
        reason = f"first heard of{since}; {len(sign.ready())} containers ready there"
        happened = [Happening(NODE_UP, node, node, reason)]
    elif not before.up:
        happened.insert(0, Happening(NODE_UP, node, node, f"back after {silent_s:.1f} s"))
    elif returns:
        happened.insert(0, Happening(NODE_UP, node, node, "does not leave, or is back"))
    return _sign(view, node, sign, happened)


def leave(view: Mirror, node: str, boot: str) -> Plan:
    """`node` says that it shuts down, until it speaks in another boot, or in none."""
    before = view.signs.get(node)
    again = before is not None and before.up and before.left == boot
    happened = [] if again else [Happening(NODE_LEAVING, node, node, "said that it leaves")]
    was = before or Sign("")
    return _sign(view, node, was._replace(wall=wall(), up=True, left=boot), happened)


def fall(view: Mirror, node: str, silent_s: float, lease_s: float) -> Plan:
    """Say that `node` is down, if its lease ran out and that was not said."""
    sign = view.signs.get(node)
    if health(silent_s, lease_s) is not Health.DOWN or (sign is not None and not sign.up):
        return Plan()
    reason = f"node is silent for {silent_s:.1f} s (lease {lease_s:g} s)"
    happened = [Happening(NODE_DOWN, node, node, reason)]
    return _sign(view, node, (sign or Sign(""))._replace(up=False), happened)


def _sign(view: Mirror, node: str, sign: Sign, happened: list[Happening]) -> Plan:
    key, item = seen_key(node), view.sign_items.get(node)
    compare = {key: item.revision if item else ABSENT} if happened else {}
    return Plan(compare, {key: dump_sign(sign)}, tuple(happened))


def _reports(node: str, before: Sign | None, sign: Sign) -> list[Happening]:
    was, now = before.ready() if before else frozenset(), sign.ready()
    if was == now:
        return []
    ended = sorted({name for name, _ in was} - {name for name, _ in now})
    happened = [
        Happening(STOPPED, name, node, "the node reports it ready no more") for name in ended
    ]
    happened += [
        Happening(RUNNING, name, node, f"the node reports it ready ({image})")
        for name, image in sorted(now - was)
    ]
    if len(happened) <= _MOST_EVENTS:
        return happened
    # One node must not push out the events of all others.
    more = f"and {len(happened) - _MOST_EVENTS} more changes in one report"
    return [*happened[:_MOST_EVENTS], Happening(RUNNING, node, node, more)]


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


def _leaves(view: Mirror, kept: Kept) -> Write:
    """What to remember of a container that is taken off a node which may not hear of it."""
    node, name = kept.placed.node, kept.placed.name
    if node is None or node not in view.marked:
        return {}
    before = view.left.get(node, {}).get(name)
    return {f"{LEFT}{node}/{name}": dump_left(kept, view.acted.get(node, 0), before)}


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
