"""The state server of a small world, as a value: what decisions rest on, and no more."""

from math import inf
from typing import NamedTuple

from services.core import at_most_once, lease, liveness, schedule
from services.core.lease import Terms
from services.core.messages import NodeList
from services.core.model import STOP, Assignment, Container, Node, Placed
from services.state import said
from services.state.rows import Sign

WEB = "web"
NODES = ("n1", "n2")
# A lease of 2, a look and a stop of 1; whoever shuts down waits for longer than both.
LONG, SHORT = Terms(2, 2, 6), Terms(1, 1, 2)


class Heard(NamedTuple):
    """The last sign of life of a node, and when it came."""

    sign: Sign
    at_s: int


class Server(NamedTuple):
    """The state. Tuples have a place for each node. held_s: the longest hold that is remembered.

    left: (whether it knows that it must stop it, revision) of what was taken off a node. promised:
    whether the container got its node as one that must not run twice; one that may run twice, and
    perhaps does, is not stopped by a later declaration.
    """

    terms: Terms
    held_s: float
    started_s: int = 0
    revision: int = 1
    placed: Placed = Placed(Container(WEB, on_disconnect=STOP, created=1), "n1", 1)
    policy_since: int = 1
    promised: bool = True
    acted: tuple[int, int] = (0, 0)
    left: tuple[tuple[bool, int] | None, ...] = (None, None)
    heard: tuple[Heard | None, ...] = (None, None)

    def assignment(self, node: int) -> Assignment:
        """What `node` must run."""
        left = self.left[node]
        mine = self.placed.node == NODES[node]
        revisions = [self.acted[node], left[1] if left else 0, self.placed.revision if mine else 0]
        containers = (self.placed.container,) if mine else ()
        return Assignment("e", max(1, *revisions), containers, self.terms.lease_s)

    def declare(self, container: Container, node: str | None, policy_since: int) -> "Server":
        """Let the container be this. created: 0 for a new one."""
        revision = self.revision + 1
        container = container._replace(created=container.created or revision)
        was, left = self.placed.node, self.left
        if was is not None and (was != node or container.created == revision):
            i = NODES.index(was)
            before = left[i]
            stops = at_most_once.knows(self.placed.container, self.policy_since, self.acted[i])
            left = put(left, i, (stops and (before is None or before[0]), revision))
        placed = Placed(container, node, revision)
        since = policy_since or revision
        promised = self.promised if was == node else container.on_disconnect == STOP
        return self._replace(
            revision=revision, placed=placed, policy_since=since, promised=promised, left=left
        )

    def hear(self, node: int, word: said.Said, now_s: int, revision: int) -> "Server | None":
        """Take a sign of life; None: refused."""
        before = self.heard[node]
        silent_s = now_s - (before.at_s if before else self.started_s)
        word = word._replace(silent_s=silent_s, stored_s=silent_s if before else inf)
        sign = before.sign if before else None
        if said.is_other(sign, word, lambda: self.unheard(node)):
            return None
        earlier_s = sign.hold_s if sign else self.held_s
        hold_s = lease.longest_s(self.terms.hold_s, earlier_s, silent_s)
        now = Sign("now", word.running or {}, True, None, None, word.boot or "", hold_s)
        heard = put(self.heard, node, Heard(now, now_s))
        acted, left, gone = self.acted, self.left, self.left[node]
        if revision > acted[node]:
            acted = put(acted, node, revision)
            if gone is not None and gone[1] <= revision:
                left = put(left, node, None)
        return self._replace(heard=heard, acted=acted, left=left)

    def goodbye(self, node: int, now_s: int) -> "Server":
        """`node` says that it shuts down."""
        before = self.heard[node]
        if before is None:
            return self
        hold_s = lease.longest_s(self.terms.leaving_hold_s, before.sign.hold_s, now_s - before.at_s)
        sign = before.sign._replace(left=before.sign.boot, hold_s=hold_s)
        return self._replace(heard=put(self.heard, node, Heard(sign, now_s)))

    def restarted(self, terms: Terms, now_s: int) -> "Server":
        """The same after a restart, with a profile."""
        held_s = lease.longest_s(terms.leaving_hold_s, self.held_s, 0)
        return self._replace(terms=terms, started_s=now_s, heard=(None, None), held_s=held_s)

    def unheard(self, node: int) -> bool:
        """Whether `node` never said that it heard that it must stop the container."""
        container, gone = self.placed.container, self.left[node]
        told = at_most_once.knows(container, self.policy_since, self.acted[node])
        here = self.placed.node == NODES[node] and container.on_disconnect == STOP
        return (here and not told) or (gone is not None and not gone[0])

    def seen(self, now_s: int) -> NodeList:
        """What the deciders read."""
        nodes, awaited, running, left, unheard = [], [], set(), set(), set()
        for i, name in enumerate(NODES):
            heard, gone = self.heard[i], self.left[i]
            if heard is None:
                awaited.append(name)
            else:
                silent_s = now_s - heard.at_s
                nodes.append(
                    Node(
                        name, silent_s, liveness.health(silent_s, self.terms.lease_s),
                        leaving=heard.sign.left is not None, hold_s=heard.sign.hold_s,
                    )
                )  # fmt: skip
                running |= {(name, one) for one in heard.sign.running}
            if gone is not None:
                left.add((name, WEB))
            if self.unheard(i):
                unheard.add((name, WEB))
        return NodeList(
            tuple(nodes), now_s - self.started_s, self.terms.lease_s, tuple(awaited),
            self.terms.stop_margin_s, frozenset(running), frozenset(left), frozenset(unheard),
            self.held_s,
        )  # fmt: skip

    def decided(self, now_s: int) -> "Server":
        """The state after a pass of the node controller and one of the scheduler."""
        server = self
        for placement in liveness.evict([server.placed], server.seen(now_s)).placements:
            server = server.declare(server.placed.container, placement.node, server.policy_since)
        for placement in schedule.schedule([server.placed], server.seen(now_s)).placements:
            server = server.declare(server.placed.container, placement.node, server.policy_since)
        return server


def put(values, i, value):
    """`values` with another one at `i`."""
    return (*values[:i], value, *values[i + 1 :])
