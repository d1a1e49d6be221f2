"""Evictions that somebody decided, those that must wait longer, and when to look again."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from services.core.liveness import (
    NEVER_S,
    NODE_DOWN,
    NODE_DRAINED,
    NODE_LEAVING,
    evict,
    health,
)
from services.core.messages import NodeList
from services.core.model import STOP, Container, Health, Node, Placed
from tests.core.strategies import LEASE_S, MARGIN_S, node_names, placed_lists, roll

OLD_S = 1000.0


def placed(**where):
    return [Placed(Container(name), node) for name, node in where.items()]


def marked(name, silent_s=0.0, **marks):
    return Node(name, silent_s, health(silent_s, LEASE_S))._replace(**marks)


@pytest.mark.parametrize(
    ("known", "reason", "held"),
    [
        pytest.param(
            [marked("n1", leaving=True), marked("n2")], NODE_LEAVING, "",
            id="off a node that leaves at once, while it lives",
        ),
        pytest.param(
            [marked("n1", 9.0, leaving=True), marked("n2")], NODE_LEAVING, "",
            id="and when it has fallen silent",
        ),
        pytest.param(
            [marked("n1", draining=True, cordoned=True), marked("n2")], NODE_DRAINED, "",
            id="off a node that is drained",
        ),
        pytest.param(
            [marked("n1", cordoned=True), marked("n2")], "", "",
            id="a node that is only cordoned keeps what it has",
        ),
        pytest.param(
            [marked("n1", leaving=True), marked("n2", cordoned=True)], "",
            "n1 is leaving, but no other", id="without another that takes it, it stays",
        ),
        pytest.param(
            [marked("n1", draining=True), marked("n2", 9.0)], "", "n1 is to be drained, but no",
            id="nor is a node drained into nowhere",
        ),
        pytest.param(
            [marked("n1", 9.0, draining=True), marked("n2"), marked("n3")], NODE_DOWN, "",
            id="a drained node that died is a dead node",
        ),
        pytest.param(
            [marked("n1", 9.0, leaving=True), marked("n2", 9.0, leaving=True), marked("n3")],
            NODE_LEAVING, "", id="however many leave together: they said so",
        ),
        pytest.param(
            [marked("n1", 9.0), marked("n2", 9.5, leaving=True), marked("n3")], NODE_DOWN, "",
            id="and who left makes nobody look like most of the world",
        ),
    ],
)  # fmt: skip
def test_nodes_that_leave_or_drain(known, reason, held):
    eviction = evict(placed(a="n1"), NodeList(tuple(known), OLD_S, LEASE_S))
    assert [item.reason for item in eviction.placements] == ([f"{reason}: n1"] if reason else [])
    assert eviction.waiting.startswith(held)
    assert bool(eviction.waiting) == bool(held)


def test_an_orderly_leave_needs_no_lease_of_the_server():
    known = (marked("n1", leaving=True), marked("n2"))
    assert evict(placed(a="n1"), NodeList(known, 0.1, LEASE_S)).placements


@pytest.mark.parametrize(
    ("known", "uptime_s", "leaves", "again_s"),
    [
        pytest.param(["n1"], LEASE_S, False, 0, id="not while the server is young"),
        pytest.param(["n1"], LEASE_S + 1, False, MARGIN_S - 1, id="nor at the end of a lease"),
        pytest.param(["n1"], LEASE_S + MARGIN_S, False, 0, id="nor at the end of the margin"),
        pytest.param(["n1"], LEASE_S + MARGIN_S + 0.1, True, NEVER_S, id="but after it"),
        pytest.param([], LEASE_S + 1, False, MARGIN_S - 1, id="nor off a node nobody knows"),
        pytest.param([], LEASE_S + MARGIN_S + 0.1, True, NEVER_S, id="which has its margin, too"),
    ],
)
def test_what_must_not_run_twice_leaves_a_silent_node_after_lease_and_margin(
    known, uptime_s, leaves, again_s
):
    """The node was last heard before the server started: that is all the server knows."""
    seen = NodeList((marked("n2"), marked("n3")), uptime_s, LEASE_S, tuple(known), MARGIN_S)
    eviction = evict([Placed(Container("a", on_disconnect=STOP), "n1")], seen)
    assert bool(eviction.placements) == leaves
    assert bool(eviction.waiting) != leaves
    assert eviction.again_s == pytest.approx(again_s)


@given(placed_lists, roll())
def test_everything_that_leaves_has_a_reason_that_holds(containers, seen):
    eviction = evict(containers, seen)
    where = {item.name: item for item in containers}
    known = {node.name: node for node in seen.nodes}
    takers = any(node.takes_containers for node in seen.nodes)
    for placement in eviction.placements:
        item = where[placement.name]
        node = known.get(item.node)
        by_decision = node is not None and (node.leaving or node.draining)
        if by_decision and not placement.reason.startswith(NODE_DOWN):
            assert takers
        else:
            silent_s = node.silent_s if node else seen.uptime_s
            stop = item.container.on_disconnect == STOP
            assert silent_s > seen.lease_s + (seen.stop_margin_s if stop else 0)
            assert seen.uptime_s > seen.lease_s


@given(placed_lists, roll(), st.dictionaries(node_names, st.floats(-LEASE_S, 0)))
def test_until_the_moment_that_it_names_time_alone_changes_nothing(containers, seen, guarded):
    """Nodes that are down stay silent; the others go on speaking."""
    eviction = evict(containers, seen, guarded)
    assert eviction.again_s >= 0
    # A suspect does not stay one.
    assume(all(node.health is not Health.SUSPECT for node in seen.nodes))

    def later(passed_s):
        return evict(containers, after(seen, passed_s), eviction.guarded, passed_s)

    for share in (0.5, 0.99):
        later_s = min(eviction.again_s, 60.0) * share
        assert later(later_s).placements == eviction.placements
    if eviction.again_s != NEVER_S:
        then = later(eviction.again_s + 0.001)
        assert (then.placements, then.waiting) != (eviction.placements, eviction.waiting)


def after(seen, passed_s):
    silent = [
        node._replace(silent_s=node.silent_s + passed_s) if node.health is Health.DOWN else node
        for node in seen.nodes
    ]
    return seen._replace(nodes=tuple(silent), uptime_s=seen.uptime_s + passed_s)
