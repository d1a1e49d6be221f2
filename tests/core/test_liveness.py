import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.core.liveness import (
    NEVER_S,
    NODE_DOWN,
    NODE_DRAINED,
    NODE_LEAVING,
    NODE_UNKNOWN,
    evict,
    health,
)
from services.core.messages import NodeList
from services.core.model import STOP, Container, Health, Node, Placed
from tests.core.strategies import LEASE_S, MARGIN_S, node_lists, placed_lists, roll

OLD_S = 1000.0


def nodes(**silent_s):
    return [Node(name, value, health(value, LEASE_S)) for name, value in silent_s.items()]


def placed(**where):
    return [Placed(Container(name), node) for name, node in where.items()]


@pytest.mark.parametrize(
    ("silent_s", "expected"),
    [
        pytest.param(0, Health.UP, id="just heard is up"),
        pytest.param(1.7, Health.UP, id="before 0.6 of the lease still up"),
        pytest.param(1.9, Health.SUSPECT, id="beyond 0.6 of the lease suspect"),
        pytest.param(3.0, Health.SUSPECT, id="at the lease not down yet"),
        pytest.param(3.1, Health.DOWN, id="beyond the lease down"),
    ],
)
def test_health(silent_s, expected):
    assert health(silent_s, LEASE_S) is expected


@pytest.mark.parametrize(
    ("containers", "known", "uptime_s", "evicted", "held"),
    [
        pytest.param(
            placed(a="n1"), nodes(n1=0, n2=0), OLD_S, [], "", id="nobody is down, nothing moves"
        ),
        pytest.param(
            placed(b="n1", a="n1", c="n2"), nodes(n1=9, n2=0, n3=0), OLD_S, ["a", "b"], "",
            id="the containers of the dead node leave it, by name",
        ),
        pytest.param(
            placed(a="n1"), nodes(n1=2.9, n2=0), OLD_S, [], "", id="a suspect keeps what it has"
        ),
        pytest.param(
            placed(a="n1"), nodes(n1=3.5, n2=0), 3.0, [], "less than one lease",
            id="within one lease of a restart nobody is judged",
        ),
        pytest.param(
            placed(a="n1"), nodes(n2=0), 1.0, [], "less than one lease",
            id="nor is a node that has not spoken since the restart",
        ),
        pytest.param(
            placed(a=None), nodes(n1=9), 1.0, [], "", id="nothing is said when nothing is at stake"
        ),
        pytest.param(
            placed(a="n1", b="n2"), nodes(n1=9, n2=9.5, n3=0), OLD_S, [], "2 of 3 nodes",
            id="two of three silent at once: the observer is at fault",
        ),
        pytest.param(
            placed(a="n1", b="n2"), nodes(n1=9, n2=9, n3=0, n4=0), OLD_S, ["a", "b"], "",
            id="half of the nodes is not more than half",
        ),
        pytest.param(
            placed(a="n2"), nodes(n1=500, n2=9, n3=0), OLD_S, ["a"], "",
            id="a second, separate failure in a lab of three still heals",
        ),
        pytest.param(
            placed(a="n1"), nodes(n1=500, n2=9, n3=0), OLD_S, ["a"], "",
            id="nor does it protect what somebody put on the first one since",
        ),
        pytest.param(
            placed(a="n2"), nodes(n1=500, n2=9, n3=9.5, n4=0), OLD_S, [], "2 of 4 nodes",
            id="most of those alive went at once, whoever was dead long before",
        ),
        pytest.param(
            placed(a="n1"), nodes(n1=9, n2=9, n3=0, n4=0, n5=0), OLD_S, ["a"], "",
            id="two of five may go together",
        ),
        pytest.param(
            placed(a="n9"), nodes(n1=0, n2=0), OLD_S, ["a"], "",
            id="a node that never spoke is down once the server is old enough",
        ),
        pytest.param(
            placed(a="g1", b="g2", c="g3", d="n1"), nodes(n1=0, n2=0), OLD_S, ["a", "b", "c"], "",
            id="however many of them there are",
        ),
        pytest.param(
            placed(a="g1", b="g2", c="n1"), nodes(n1=9, n2=0, n3=0), 10, ["a", "b", "c"], "",
            id="nor do they make one dead node look like most of the world",
        ),
        pytest.param(
            placed(a="n1", b="n2", c="g1"), nodes(n1=9, n2=9, n3=0), OLD_S, ["c"], "2 of 3 nodes",
            id="nor are they counted among those that live",
        ),
        pytest.param(
            placed(a="n1", b="n2"), [], OLD_S, [], "no node is up, and n1, n2 may",
            id="where no node ever spoke they may all be booting",
        ),
        pytest.param(
            placed(a=None), nodes(n1=9, n2=9, n3=0), OLD_S, [], "",
            id="a mass failure of empty nodes is not worth a word",
        ),
    ],
)  # fmt: skip
def test_eviction(containers, known, uptime_s, evicted, held):
    eviction = evict(containers, NodeList(tuple(known), uptime_s, LEASE_S))
    assert [item.name for item in eviction.placements] == evicted
    assert all(item.node is None for item in eviction.placements)
    assert held in eviction.held
    assert bool(held) == bool(eviction.held)


@pytest.mark.parametrize(
    ("containers", "known", "awaited", "evicted", "held"),
    [
        pytest.param(
            placed(a="n1", b="n2", c="n3"), [], ["n1", "n2", "n3"], [], "3 of 3 nodes",
            id="a server that nobody reaches does not evict the world",
        ),
        pytest.param(
            placed(a="n1", b="n2", c="n3"), nodes(n3=0), ["n1", "n2"], [], "2 of 3 nodes",
            id="nor does one that only a part of it reaches",
        ),
        pytest.param(
            placed(a="n1", b="g1"), nodes(n3=0), ["n1", "n2"], ["b"], "2 of 3 nodes",
            id="what is on a node that never was may leave even then",
        ),
        pytest.param(
            placed(a="n1"), nodes(n2=0, n3=0), ["n1"], ["a"], "",
            id="a node that died with the old server is down",
        ),
    ],
)  # fmt: skip
def test_eviction_by_a_server_that_was_restarted(containers, known, awaited, evicted, held):
    eviction = evict(containers, NodeList(tuple(known), OLD_S, LEASE_S, tuple(awaited)))
    assert [item.name for item in eviction.placements] == evicted
    assert held in eviction.held
    assert bool(held) == bool(eviction.held)


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
    assert eviction.held.startswith(held)
    assert bool(eviction.held) == bool(held)


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
    assert bool(eviction.held) != leaves
    assert eviction.again_s == pytest.approx(again_s)


def test_an_eviction_says_what_is_wrong_with_the_node():
    seen = NodeList(tuple(nodes(n1=9, n2=0)), OLD_S, LEASE_S)
    assert [item.reason for item in evict(placed(a="n1", b="g1"), seen).placements] == [
        f"{NODE_DOWN}: n1",
        f"{NODE_UNKNOWN}: g1",
    ]


@given(placed_lists, node_lists, st.floats(0, 100))
def test_only_containers_of_silent_nodes_leave_and_never_most_of_the_world(
    containers, known, uptime_s
):
    eviction = evict(containers, NodeList(tuple(known), uptime_s, LEASE_S))
    where = {item.name: item.node for item in containers}
    alive = {node.name for node in known if node.health is not Health.DOWN}
    assert not {where[item.name] for item in eviction.placements} & {*alive, None}
    if uptime_s <= LEASE_S:
        assert eviction.placements == ()


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


@given(placed_lists, roll())
def test_until_the_moment_that_it_names_time_alone_changes_nothing(containers, seen):
    """Nodes that are down stay silent; the others go on speaking."""
    eviction = evict(containers, seen)
    assert eviction.again_s >= 0
    for share in (0.5, 0.99):
        later_s = min(eviction.again_s, 60.0) * share
        assert evict(containers, after(seen, later_s)).placements == eviction.placements
    if eviction.again_s != NEVER_S:
        later = evict(containers, after(seen, eviction.again_s + 0.001))
        assert (later.placements, later.held) != (eviction.placements, eviction.held)


def after(seen, passed_s):
    silent = [
        node._replace(silent_s=node.silent_s + passed_s) if node.health is Health.DOWN else node
        for node in seen.nodes
    ]
    return seen._replace(nodes=tuple(silent), uptime_s=seen.uptime_s + passed_s)
