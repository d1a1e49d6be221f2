"""Every world that some order of events leads to: a search, breadth first."""

from collections.abc import Iterator
from typing import NamedTuple

from services.core.model import KEEP, STOP, Assignment
from tests.core.world import Machine, TwiceError, World, WrongError
from tests.core.world_server import LONG, SHORT, Server


def events(world: World) -> Iterator[tuple[str, World]]:
    """What may happen next, by name."""
    server, (n1, *rest) = world.server, world.machines
    container, node, since = server.placed.container, server.placed.node, server.policy_since

    def first(**changes: object) -> World:
        return world._replace(machines=(n1._replace(**changes), *rest))

    def state(server: Server) -> World:
        return world._replace(server=server)

    yield "a unit passes", world.unit()
    yield "a long time passes", world.units(int(LONG.leaving_hold_s) + 1)
    yield ("cut" if n1.linked else "mend") + " n1", first(linked=not n1.linked)
    other = container._replace(on_disconnect=KEEP if container.on_disconnect == STOP else STOP)
    yield f"declare it {other.on_disconnect}", state(server.declare(other, node, 0))
    yield "delete and declare it", state(server.declare(container._replace(created=0), None, 0))
    if node is not None:
        yield "take it off its node", state(server.declare(container, None, since))
    # After a restart the first that speaks has the name: who had it before is not remembered.
    if not rest[1:]:
        yield "restart the server", state(server.restarted(server.terms, world.now_s))
        if server.terms == LONG:
            yield "restart it in another profile", state(server.restarted(SHORT, world.now_s))
    if n1.newest and n1.older and not n1.damaged:
        yield "damage n1's memory", first(damaged=True)
    if n1.up and n1.leaves_s is None:
        # A server that does not answer is not waited for.
        leaves_s = world.now_s + (int(server.terms.leaving_s) if n1.linked else 1)
        heard = server.goodbye(0, world.now_s) if n1.linked else server
        yield "shut n1 down", first(leaves_s=leaves_s)._replace(server=heard)
    # A machine that boots is taken for the one that has the name.
    if (not n1.up or n1.leaves_s is None) and not rest[1:]:
        boot = {
            "boot": n1.boot + "+",
            "booted_s": world.now_s,
            "up": True,
            "leaves_s": None,
            "copied": False,
        }
        yield "boot n1", first(runs=None, lease=None, **boot)
    if not rest[1:] and not server.started_s:
        yield "start a second n1", world._replace(machines=(n1, *rest, Machine(0, "twin")))


def beginning(*names: str) -> World:
    """The container runs on n1, with everything settled; and then what is named happened."""
    machines = (Machine(0, "b1"), Machine(1, "b2"))
    server = Server(LONG, LONG.leaving_hold_s)
    world = World(0, server, machines).units(int(LONG.leaving_hold_s) + 1)
    for name in names:
        world = dict(events(world))[name]
    return world


def canonical(world: World) -> object:
    """The same for worlds in which the same can happen: ages, and the order of revisions."""
    server, now_s = world.server, world.now_s
    oldest_s = LONG.leaving_hold_s + 1

    def age(at_s: float | None) -> float | None:
        return None if at_s is None else min(now_s - at_s, oldest_s)

    assignments = [a for m in world.machines for a in (m.newest, m.older) if a]
    revisions = {
        0, server.placed.revision, server.placed.container.created, server.policy_since,
        *server.acted, *(gone[1] for gone in server.left if gone),
        *(a.revision for a in assignments), *(c.created for a in assignments for c in a.containers),
        *(m.runs.created for m in world.machines if m.runs),
        *(u.created for h in server.heard if h for u in h.sign.running.values()),
    }  # fmt: skip
    rank = {revision: i for i, revision in enumerate(sorted(revisions))}

    def told(a: Assignment | None) -> object:
        return a and (
            rank[a.revision],
            a.lease_s,
            tuple((c.on_disconnect, rank[c.created]) for c in a.containers),
        )

    boots = {m.boot: i for i, m in enumerate(world.machines)}
    return (
        server.terms.lease_s, server.held_s, age(server.started_s), server.placed.node,
        rank[server.placed.revision], server.placed.container.on_disconnect,
        rank[server.placed.container.created], rank[server.policy_since], server.promised,
        tuple(rank[one] for one in server.acted),
        tuple(gone and (gone[0], rank[gone[1]]) for gone in server.left),
        tuple(
            h and (age(h.at_s), h.sign.hold_s, h.sign.left is None, boots.get(h.sign.boot, -1),
                   tuple((rank[u.created], u.job) for u in h.sign.running.values()))
            for h in server.heard
        ),
        tuple(
            (m.up, m.linked, age(m.booted_s), m.runs and (rank[m.runs.created], age(m.runs.ends_s)),
             told(m.newest), told(m.older), m.damaged, m.copied, age(m.leaves_s),
             m.lease and (age(m.lease.sent_at.boot_s), m.lease.lease_s))
            for m in world.machines
        ),
    )  # fmt: skip


class Search(NamedTuple):
    """worlds: different ones that were reached. trouble: the events that led to one, or ()."""

    worlds: int
    trouble: tuple[str, ...] = ()


def search(most_events: int, *names: str) -> Search:
    """Try every order of up to so many events, after those named; stop at the first trouble."""
    world = beginning(*names)
    reached = {canonical(world)}
    edge: list[tuple[World, tuple[str, ...]]] = [(world, ())]
    for _ in range(most_events):
        edge, before = [], edge
        for world, path in before:
            following = events(world)
            while True:
                try:
                    name, after = next(following)
                    after.check()
                except StopIteration:
                    break
                except (TwiceError, WrongError):
                    return Search(len(reached), path)
                key = canonical(after)
                if key not in reached:
                    reached.add(key)
                    edge.append((after, (*path, name)))
    return Search(len(reached))
