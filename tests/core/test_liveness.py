import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.core.liveness import NODE_DOWN, NODE_UNKNOWN, evict, health
from services.core.messages import NodeList
from services.core.model import Container, Health, Node, Placed
from tests.core.strategies import LEASE_S, node_lists, placed_lists

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
            placed(a="n1", b="n2"), nodes(n1=9, n2=6, n3=0), OLD_S, [], "2 of 3 nodes",
            id="a whole lease apart is still together",
        ),
        pytest.param(
            placed(a="n1", b="n2"), nodes(n1=9.1, n2=6, n3=0), OLD_S, ["a", "b"], "",
            id="more than that are two failures",
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
    assert held in eviction.waiting
    assert bool(held) == bool(eviction.waiting)


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
    assert held in eviction.waiting
    assert bool(held) == bool(eviction.waiting)


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
