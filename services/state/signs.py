"""What nodes say and what is said of them, as changes: see changes.py. Nothing acts here."""

from collections.abc import Mapping
from typing import Any

from services.core.errors import UnknownNode
from services.core.lease import Terms, longest_s
from services.core.liveness import health
from services.core.model import Health
from services.state.answers import (
    ABSENT,
    CORDONED,
    DRAINING,
    NODE_DOWN,
    NODE_LEAVING,
    NODE_UP,
    RUNNING,
    STOPPED,
    UNCORDONED,
    Expect,
    Happening,
    check,
)
from services.state.changes import Plan
from services.state.mirror import Mirror
from services.state.rows import (
    ACTED,
    HOLD,
    LEFT,
    NODE,
    Acted,
    Sign,
    dump_marking,
    dump_sign,
    seen_key,
    wall,
)
from services.state.said import Said

# Events of one commit; what a report has beyond that is one event.
_MOST_EVENTS = 40
# LEFT keys that one commit deletes: etcd takes 63 comparisons.
_MOST_CLEARED = 50


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
    happened = Happening(kind, node, node, reason)
    return Plan({NODE + node: before.revision}, {NODE + node: dump_marking(after)}, (happened,))


def act(view: Mirror, node: str, revision: int) -> Plan:
    """Remember that `node` acted on the assignment of `revision`: what left it before, it knows.

    A plan of many keys is one of several: call this again until a plan writes nothing. A revision
    that this store did not give comes from before the store was set back: what was said under it
    may not be true here.
    """
    before = view.acted.get(node, Acted(0, ABSENT))
    if not before.revision < revision <= view.assigned(node):
        return Plan()
    known = [left for left in view.left.get(node, {}).values() if left.revision <= revision]
    some = known[:_MOST_CLEARED]
    compare = {f"{LEFT}{node}/{left.name}": left.revision for left in some}
    write: dict[str, Any] = dict.fromkeys(compare)
    if len(some) == len(known):
        compare[ACTED + node] = before.written
        write[ACTED + node] = {"revision": revision}
    return Plan(compare, write)


def hear(view: Mirror, node: str, said: Said, terms: Terms) -> Plan:
    """Write a sign of life."""
    before = view.signs.get(node)
    running, acted = said.running, said.acted
    if running is None:
        running = before.running if before else {}
        acted = before.acted if before else None
    left = before.left if before else None
    # A node that still speaks after that time did not shut down.
    stayed = said.gone_s > terms.leaving_hold_s
    other = not said.boot or said.boot != left or stayed
    if said.boot is not None and other:
        left = None
    returns = before is not None and before.left != left
    own_s = terms.hold_s if left is None else terms.leaving_hold_s
    boot = said.boot or (before.boot if before else "")
    hold_s = _hold_s(view, node, said.silent_s, own_s)
    sign = Sign(wall(), running, True, left, acted, boot, hold_s)
    happened = _reports(node, before, sign)
    if before is None:
        # What it says at first is no change of anything.
        since = " since the server started" if said.known else ""
        reason = f"first heard of{since}; {len(sign.ready())} containers ready there"
        happened = [Happening(NODE_UP, node, node, reason)]
    elif not before.up:
        happened.insert(0, Happening(NODE_UP, node, node, f"back after {said.silent_s:.1f} s"))
    elif returns:
        happened.insert(0, Happening(NODE_UP, node, node, "does not leave, or is back"))
    return _sign(view, node, sign, happened)


def leave(view: Mirror, node: str, said: Said, terms: Terms) -> Plan:
    """`node` says that it shuts down, until it speaks in another boot, in none, or for too long."""
    before, boot = view.signs.get(node), said.boot or ""
    again = before is not None and before.up and before.left == boot
    happened = [] if again else [Happening(NODE_LEAVING, node, node, "said that it leaves")]
    was = before or Sign("")
    hold_s = _hold_s(view, node, said.silent_s, terms.leaving_hold_s)
    sign = was._replace(wall=wall(), up=True, left=boot, boot=boot or was.boot, hold_s=hold_s)
    return _sign(view, node, sign, happened)


def fall(view: Mirror, node: str, silent_s: float, lease_s: float) -> Plan:
    """Say that `node` is down, if its lease ran out and that was not said."""
    sign = view.signs.get(node)
    if health(silent_s, lease_s) is not Health.DOWN or (sign is not None and not sign.up):
        return Plan()
    reason = f"node is silent for {silent_s:.1f} s (lease {lease_s:g} s)"
    happened = [Happening(NODE_DOWN, node, node, reason)]
    return _sign(view, node, (sign or Sign(""))._replace(up=False), happened)


def hold(view: Mirror, terms: Terms, uptime_s: float, silent_s: Mapping[str, float]) -> Plan:
    """Remember the longest time for which a silent node may hold on to its containers.

    Shorter only once after the start, when what was granted before that has run out: another server
    may still grant it.
    """
    before_s, own_s = view.hold.value["hold_s"], terms.leaving_hold_s
    ran_out = uptime_s > before_s and all(
        sign.hold_s - silent_s.get(node, 0.0) <= own_s for node, sign in view.signs.items()
    )
    if before_s < own_s or (before_s > own_s and view.old_hold and ran_out):
        return Plan({HOLD: view.hold.revision}, {HOLD: {"hold_s": own_s}})
    return Plan()


def _hold_s(view: Mirror, node: str, silent_s: float, own_s: float) -> float:
    """Return for how long `node` holds on that was granted `own_s`, and something before."""
    before = view.signs.get(node)
    if before and before.wall:
        return longest_s(own_s, before.hold_s, silent_s)
    known = node in view.marked
    return longest_s(own_s, view.hold.value["hold_s"] if known else 0.0, silent_s)


def _sign(view: Mirror, node: str, sign: Sign, happened: list[Happening]) -> Plan:
    key, item = seen_key(node), view.sign_items.get(node)
    # Also without an event: what was said at the same time must not be lost.
    compare = {key: item.revision if item else ABSENT}
    return Plan(compare, {key: dump_sign(sign)}, tuple(happened))


def _reports(node: str, before: Sign | None, sign: Sign) -> list[Happening]:
    was, now = before.ready() if before else frozenset(), sign.ready()
    if was == now:
        return []
    ended = sorted({name for name, *_ in was} - {name for name, *_ in now})
    happened = [
        Happening(STOPPED, name, node, "the node reports it ready no more") for name in ended
    ]
    happened += [
        Happening(RUNNING, name, node, f"the node reports it ready ({image})")
        for name, image, _ in sorted(now - was)
    ]
    if len(happened) <= _MOST_EVENTS:
        return happened
    # One node must not push out the events of all others.
    more = f"and {len(happened) - _MOST_EVENTS} more changes in one report"
    return [*happened[:_MOST_EVENTS], Happening(RUNNING, node, node, more)]
