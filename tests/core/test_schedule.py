import pytest
from hypothesis import given

from services.core.model import Container, Health, Node, Placed, Placement
from services.core.schedule import LEAST_LOADED, schedule
from tests.core.strategies import node_lists, placed_lists

UP, SUSPECT, DOWN = Health.UP, Health.SUSPECT, Health.DOWN


def nodes(**health):
    return [Node(name, 0.0, state) for name, state in health.items()]


def placed(**where):
    return [Placed(Container(name), node) for name, node in where.items()]


@pytest.mark.parametrize(
    ("containers", "known", "expected"),
    [
        pytest.param(placed(a=None), [], {}, id="without nodes everything waits"),
        pytest.param(placed(a=None), nodes(n1=DOWN), {}, id="a node that is down gets nothing"),
        pytest.param(
            placed(a=None), nodes(n1=DOWN, n2=UP), {"a": "n2"}, id="the node that is up gets it"
        ),
        pytest.param(
            placed(a=None),
            nodes(n1=SUSPECT),
            {"a": "n1"},
            id="a suspect may still get something: it missed one beat",
        ),
        pytest.param(
            placed(a=None), nodes(n2=UP, n1=UP), {"a": "n1"}, id="ties are decided by name"
        ),
        pytest.param(
            placed(x="n1", a=None), nodes(n1=UP, n2=UP), {"a": "n2"}, id="the least loaded wins"
        ),
        pytest.param(
            placed(c=None, b=None, a=None),
            nodes(n1=UP, n2=UP),
            {"a": "n1", "b": "n2", "c": "n1"},
            id="what is placed in a pass counts for the rest of it",
        ),
        pytest.param(
            placed(a="n9"), nodes(n1=UP), {}, id="what has a node is never moved, even off nowhere"
        ),
    ],
)
def test_placements(containers, known, expected):
    placements = schedule(containers, known)
    assert list(placements) == [
        Placement(name, node, LEAST_LOADED) for name, node in expected.items()
    ]


@given(placed_lists, node_lists)
def test_every_waiting_container_gets_a_living_node_or_all_wait(containers, known):
    placements = schedule(containers, known)
    alive = {node.name for node in known if node.health is not DOWN}
    waiting = {item.name for item in containers if item.node is None}
    assert {item.name for item in placements} == (waiting if alive else set())
    assert {item.node for item in placements} <= alive


@given(placed_lists, node_lists)
def test_scheduling_alone_leaves_nodes_at_most_one_apart(containers, known):
    fresh = [item._replace(node=None) for item in containers]
    alive = [node.name for node in known if node.health is not DOWN]
    if alive:
        got = [item.node for item in schedule(fresh, known)]
        loads = [got.count(node) for node in alive]
        assert max(loads) - min(loads) <= 1
