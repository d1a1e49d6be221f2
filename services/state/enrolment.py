"""Which nodes the state knows: how they join, and how they are forgotten. Plans, see changes.py."""

from services.core.errors import UnknownNode
from services.state.answers import (
    ABSENT,
    NODE_FORGOTTEN,
    Forgotten,
    Happening,
    LimitReached,
    Limits,
)
from services.state.changes import Plan
from services.state.keys import Write
from services.state.mirror import Mirror
from services.state.rows import ACTED, FORGOTTEN, LEFT, NODE, Marking, dump_marking, seen_key
from services.state.said import Running


def forget(view: Mirror, node: str) -> Plan:
    """A person says that `node` is dead: it is forgotten, and nothing runs there."""
    marked = view.marked.get(node)
    if marked is None:
        raise UnknownNode(node, tuple(sorted(view.marked)))
    left = [f"{LEFT}{node}/{name}" for name in view.left.get(node, {})]
    happened = Happening(NODE_FORGOTTEN, node, node, "declared dead: what it had may run elsewhere")
    write: Write = {**dict.fromkeys([*_keys(node), *left]), FORGOTTEN + node: {}}
    return Plan({NODE + node: marked.revision}, write, (happened,))


def _keys(node: str) -> list[str]:
    return [NODE + node, ACTED + node, seen_key(node)]


def enrol(view: Mirror, limits: Limits, node: str, running: Running, plan: Plan) -> Plan:
    """Return `plan`, by which `node` also joins if it is not known yet.

    One that was declared dead joins again when it says that it runs nothing. Raises Forgotten
    before that, and LimitReached.
    """
    if node in view.marked:
        return plan
    if node in view.forgotten and (running is None or running):
        raise Forgotten(node)
    known = view.marked.keys() | view.signs.keys()
    if node not in known and len(known) >= limits.nodes:
        plan = _instead_of_idle(view, limits, plan)
    compare = {**plan.compare, NODE + node: ABSENT}
    write = {**plan.write, NODE + node: dump_marking(Marking(node, declared=view.declared))}
    if node in view.forgotten:
        write[FORGOTTEN + node] = None
    else:
        compare[FORGOTTEN + node] = ABSENT
    return plan._replace(compare=compare, write=write)


def _instead_of_idle(view: Mirror, limits: Limits, plan: Plan) -> Plan:
    """Return `plan`, by which the node that is down the longest and holds nothing is forgotten.

    Made-up names must not keep real ones out. Raises LimitReached if each is in use.
    """
    idle = [
        (view.heard_s.get(name, 0.0), name)
        for name, marked in view.marked.items()
        if not (marked.cordoned or view.left.get(name) or view.placements.how_many_on(name))
        and (sign := view.signs.get(name)) is not None
        and not (sign.up or sign.running)
    ]
    if not idle:
        raise LimitReached("nodes", limits.nodes)
    name = min(idle)[1]
    happened = Happening(NODE_FORGOTTEN, name, name, "silent, and held nothing: another one joins")
    compare = {**plan.compare, NODE + name: view.marked[name].revision}
    write = {**plan.write, **dict.fromkeys(_keys(name))}
    return plan._replace(compare=compare, write=write, happened=(*plan.happened, happened))
