"""Exactly at a bound, and one step beyond it: there the decisions of the core change."""

import math

import pytest

from services.core.liveness import NEVER_S, NODE_DOWN, evict
from services.core.messages import NodeList
from services.core.model import STOP, Act, Container, Desired, Health, Node, Placed, UnitState
from services.core.reconcile import reconcile
from services.core.schedule import schedule
from services.core.witness import Echoes, due_s, health, judged

# 0.6 of it is a float that is exact.
LEASE_S = 5.0
SUSPECT_S = 3.0
ADDRESS = "10.77.0.11"


def beyond(value_s):
    """The next number that there is."""
    return math.nextafter(value_s, math.inf)


@pytest.mark.parametrize(
    ("silent_s", "expected"),
    [
        (SUSPECT_S, Health.UP),
        (beyond(SUSPECT_S), Health.SUSPECT),
        (LEASE_S, Health.SUSPECT),
        (beyond(LEASE_S), Health.DOWN),
    ],
)
def test_health_changes_only_beyond_a_bound(silent_s, expected):
    assert health(silent_s, LEASE_S) is expected


def with_witness(agent_s, machine_s, lease_s=LEASE_S):
    """A node that is up by its agent alone, and what its machine answered."""
    node = Node("n1", agent_s, Health.UP, address=ADDRESS)
    answered = {} if machine_s is None else {ADDRESS: machine_s}
    return NodeList((node,), 1000.0, 100.0), Echoes(answered, lease_s)


@pytest.mark.parametrize(
    ("silent_s", "due"),
    [
        pytest.param(SUSPECT_S, NEVER_S, id="a node that is up is not due"),
        pytest.param(beyond(SUSPECT_S), LEASE_S - SUSPECT_S, id="a suspect is"),
        pytest.param(LEASE_S, 0.0, id="at once at the end of the lease"),
        pytest.param(beyond(LEASE_S), NEVER_S, id="and never once it is down"),
    ],
)
def test_a_node_is_due_from_when_it_is_suspect_until_it_is_down(silent_s, due):
    assert due_s(*with_witness(silent_s, silent_s)) == pytest.approx(due)


def test_echoes_count_that_were_lost_one_second_before_the_heartbeat_and_no_longer():
    last, too_long = (
        judged(*with_witness(8.0, machine_s)).nodes[0].health for machine_s in (9.0, beyond(9.0))
    )
    assert (last, too_long) == (Health.DOWN, Health.UP)


@pytest.mark.parametrize("machine_s", [None, 60.0], ids=["never answered", "is filtered"])
def test_a_machine_that_says_nothing_changes_nothing_however_short_the_lease(machine_s):
    seen, echoes = with_witness(50.0, machine_s, lease_s=0.5)
    assert judged(seen, echoes) == seen
    assert due_s(seen, echoes) == NEVER_S


def test_what_runs_from_another_image_is_stopped_under_the_image_that_it_runs():
    observed = {"a": UnitState("nginx", ready=True)}
    stop, start = reconcile(Desired({"a": Container("a", "demo")}), observed)
    assert (stop.act, stop.container.image) == (Act.STOP, "nginx")
    assert (start.act, start.container.image) == (Act.START, "demo")


def seen_up(*names, **more):
    return NodeList(tuple(Node(name, 0.0, Health.UP) for name in names), 1000.0, 3.0, **more)


def test_every_container_counts_once_for_the_load_of_its_node():
    """Three on n1 and one on n2: the next two go to n2, and then both are level."""
    placed = [Placed(Container(name), "n2" if name == "z" else "n1") for name in "wxyz"]
    waiting = [Placed(Container(name), None) for name in "abcd"]
    plan = schedule(placed + waiting, seen_up("n1", "n2"))
    assert [item.node for item in plan.placements] == ["n2", "n2", "n1", "n2"]


def test_a_single_one_that_must_wait_is_named_alone():
    seen = seen_up("n1", running=frozenset({("n1", "b")}))
    plan = schedule([Placed(Container("b", on_disconnect=STOP), None)], seen)
    assert plan.waiting == "b must not run twice, and n1 still runs it"


def silent(**silent_s):
    """Nodes that are down where they are silent at all, under a lease of 5 s."""
    nodes = (Node(name, value, health(value, LEASE_S)) for name, value in silent_s.items())
    return NodeList(tuple(nodes), 1000.0, LEASE_S)


ON_N1 = [Placed(Container("a"), "n1")]


def test_a_node_that_is_late_has_one_lease_to_the_very_end():
    seen = silent(n1=50.0, n2=0.0, n3=0.0)
    last = evict(ON_N1, seen, guarded={"n1": 100.0}, now_s=105.0)
    assert (last.placements, last.again_s) == ((), 0.0)
    assert last.waiting == "most nodes speak again; n1 still has one lease (5 s)"
    late = evict(ON_N1, seen, guarded={"n1": 100.0}, now_s=beyond(105.0))
    assert [item.reason for item in late.placements] == [f"{NODE_DOWN}: n1"]


@pytest.mark.parametrize(
    ("n2_s", "leaves"),
    [
        pytest.param(20.0, False, id="a lease earlier: two of three fell together"),
        pytest.param(beyond(20.0), True, id="longer before: one of the two that were left"),
    ],
)
def test_a_node_that_was_lost_longer_than_a_lease_before_was_not_alive_then(n2_s, leaves):
    assert bool(evict(ON_N1, silent(n1=15.0, n2=n2_s, n3=0.0)).placements) == leaves


def test_a_mass_is_more_than_half_also_of_two_and_is_guarded_from_now_on():
    assert evict(ON_N1, silent(n1=15.0, n2=0.0)).guarded == {}
    mass = evict(ON_N1, silent(n1=15.0, n2=15.0))
    assert mass.guarded == {"n1": 0.0, "n2": 0.0}
    assert mass.waiting == (
        "2 of 2 nodes fell silent together (n1, n2): "
        "more likely a fault here than there; nothing is moved off them"
    )


def test_what_must_stop_where_that_was_never_heard_waits_for_a_person():
    seen = silent(n1=500.0, n2=0.0, n3=0.0)._replace(unheard=frozenset({("n1", "a")}))
    once = [Placed(Container("a", on_disconnect=STOP), "n1")]
    eviction = evict(once, seen)
    assert (eviction.placements, eviction.again_s) == ((), NEVER_S)
    assert eviction.waiting == "n1 never heard that a must stop; lab forget n1 if it is dead"
    # Another container there, and one that may run twice, are not held up by it.
    assert evict(ON_N1, seen).placements
    other = [Placed(Container("b", on_disconnect=STOP), "n1")]
    assert evict(other, seen).placements


def test_each_reason_to_wait_is_given_once():
    nodes = (Node("n1", 0.0, Health.UP, leaving=True), Node("n2", 0.0, Health.UP, draining=True))
    where = [
        Placed(Container(name), node) for name, node in (("a", "n1"), ("b", "n2"), ("c", "n1"))
    ]
    assert evict(where, NodeList(nodes, 1000.0, LEASE_S)).waiting == (
        "n1 is leaving, but no other node takes containers; "
        "n2 is to be drained, but no other node takes containers"
    )


@pytest.mark.parametrize(
    ("seen", "leaves"),
    [
        pytest.param(silent(n1=20.0, n2=0.0), False, id="what its own server granted it"),
        pytest.param(silent(n1=beyond(20.0), n2=0.0), True, id="is over at last"),
        pytest.param(silent(n2=0.0)._replace(uptime_s=30.0), False, id="what a server granted"),
        pytest.param(silent(n2=0.0)._replace(uptime_s=beyond(30.0)), True, id="is over as well"),
    ],
)
def test_what_must_not_run_twice_stays_for_as_long_as_its_node_may_hold_it(seen, leaves):
    """20 s of a node that spoke, and 30 of one that did not since the server started."""
    nodes = tuple(node._replace(hold_s=20.0) for node in seen.nodes)
    awaited = () if len(nodes) > 1 else ("n1",)
    seen = seen._replace(nodes=nodes, awaited=awaited, hold_s=30.0, stop_margin_s=1.0)
    once = [Placed(Container("a", on_disconnect=STOP), "n1")]
    eviction = evict(once, seen)
    assert bool(eviction.placements) == leaves
    assert eviction.again_s == (NEVER_S if leaves else 0.0)
