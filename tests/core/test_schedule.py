import pytest
from hypothesis import given

from services.core.messages import NodeList
from services.core.model import STOP, Container, Health, Node, Placed, Placement
from services.core.schedule import LEAST_LOADED, schedule
from tests.core.strategies import LEASE_S, placed_lists, roll

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
    plan = schedule(containers, seen(known))
    assert list(plan.placements) == [
        Placement(name, node, LEAST_LOADED) for name, node in expected.items()
    ]


def seen(known):
    return NodeList(tuple(known), 1000.0, LEASE_S)


@pytest.mark.parametrize("mark", ["cordoned", "draining", "leaving"])
def test_a_node_that_takes_nothing_gets_nothing(mark):
    known = [Node("n1", 0.0, UP)._replace(**{mark: True}), Node("n2", 0.0, UP)]
    (placement,) = schedule(placed(a=None, b="n2"), seen(known)).placements
    assert placement.node == "n2"
    plan = schedule(placed(a=None), seen(known[:1]))
    assert plan.placements == ()
    assert plan.waiting == f"1 waiting; no node takes containers (1 known, 1 {mark})"


@pytest.mark.parametrize(
    ("containers", "known", "held"),
    [
        pytest.param(placed(a="n1"), [], "", id="nothing waits, nothing is said"),
        pytest.param(placed(a=None), nodes(n1=UP), "", id="nor of what gets its place"),
        pytest.param(
            placed(a=None, b=None), [], "2 waiting; no node is up (0 known, 0 down)", id="no nodes"
        ),
        pytest.param(
            placed(a=None), nodes(n1=DOWN), "1 waiting; no node is up (1 known, 1 down)",
            id="none is up",
        ),
        pytest.param(
            placed(a=None),
            [Node("n1", 9.0, DOWN), Node("n2", 0.0, UP, cordoned=True, draining=True)],
            "1 waiting; no node takes containers (2 known, 1 down, 1 draining, 1 cordoned)",
            id="the one that is up is drained",
        ),
    ],
)  # fmt: skip
def test_what_waits_says_why(containers, known, held):
    assert schedule(containers, seen(known)).waiting == held


def test_what_may_still_run_waits_and_holds_up_nothing_else():
    known = tuple(Node(name, 0.0, UP, settled=True) for name in ("n1", "n2"))
    roll = NodeList(known, 1000.0, LEASE_S, running=frozenset({("n1", "b"), ("n1", "c")}))
    waiting = [Placed(Container(name, on_disconnect=STOP), None) for name in "abc"]
    waiting.append(Placed(Container("d"), None))
    plan = schedule(waiting, roll)
    assert [(item.name, item.node) for item in plan.placements] == [("a", "n1"), ("d", "n2")]
    assert plan.waiting == "b and 1 more must not run twice, and n1 still runs it"
    assert plan.unsure


@given(placed_lists, roll())
def test_what_may_run_twice_gets_a_node_that_takes_it_or_all_wait(containers, roll):
    plan = schedule(containers, roll)
    takers = {node.name for node in roll.nodes if node.takes_containers}
    waiting = {item.name: item.container.on_disconnect for item in containers if item.node is None}
    anywhere = {name for name, policy in waiting.items() if policy != STOP}
    got = {item.name for item in plan.placements}
    assert (got >= anywhere) if takers else not got
    assert got <= waiting.keys()
    assert {item.node for item in plan.placements} <= takers
    assert bool(plan.waiting) == (got != waiting.keys())


@given(placed_lists, roll())
def test_scheduling_alone_leaves_nodes_at_most_one_apart(containers, roll):
    fresh = [item._replace(node=None) for item in containers]
    takers = [node.name for node in roll.nodes if node.takes_containers]
    if takers:
        got = [item.node for item in schedule(fresh, roll).placements]
        loads = [got.count(node) for node in takers]
        assert max(loads) - min(loads) <= 1


@given(placed_lists, roll())
def test_each_container_in_turn_gets_the_least_loaded_node_then_the_first_by_name(containers, roll):
    load = {node.name: 0 for node in roll.nodes if node.takes_containers}
    for item in containers:
        if item.node in load:
            load[item.node] += 1
    for placement in schedule(containers, roll).placements:
        assert placement.node == min(load, key=lambda node: (load[node], node))
        load[placement.node] += 1
