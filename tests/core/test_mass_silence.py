"""The guard against mass silence, over time: when it begins to hold, and how it lifts."""

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.core.liveness import NODE_DOWN, NODE_UNKNOWN, evict, health
from services.core.messages import NodeList
from services.core.model import Container, Node, Placed
from tests.core.strategies import LEASE_S

OLD_S = 1000.0
# Between two signs of life of a node; a third of a lease in both profiles.
BEAT_S = LEASE_S / 3
NEVER_S = float("inf")


def look_again_and_again(fell, back, looks):
    """Yield (time, eviction) of a node controller that looks at the times `looks`.

    fell, back: node -> when it spoke for the last time before it fell silent, and when again.
    """
    containers = [Placed(Container(f"on-{name}"), name) for name in fell]
    guarded: Mapping[str, float] = {}
    for now_s in looks:
        silent = {
            name: 0.0 if now_s < at_s or now_s >= back[name] else now_s - at_s
            for name, at_s in fell.items()
        }
        nodes = [Node(name, value, health(value, LEASE_S)) for name, value in silent.items()]
        seen = NodeList(tuple(nodes), OLD_S + now_s, LEASE_S)
        eviction = evict(containers, seen, guarded, now_s)
        guarded = eviction.guarded
        yield now_s, eviction


def steps(until_s, every_s=0.25):
    return [step * every_s for step in range(int(until_s / every_s) + 1)]


def when_moved(*history):
    """Return node -> when its container was first taken off it."""
    moved: dict[str, float] = {}
    for now_s, eviction in look_again_and_again(*history):
        for placement in eviction.placements:
            moved.setdefault(placement.name.removeprefix("on-"), now_s)
    return moved


def lifts_s(back):
    """When no more than half of the nodes are silent."""
    return sorted(back.values())[(len(back) - 1) // 2]


@st.composite
def outages(draw):
    """Three to six nodes fall silent within one beat; longer than a lease, and come back."""
    names = [f"n{number}" for number in range(draw(st.integers(3, 6)))]
    fell = {name: draw(st.floats(0, BEAT_S)) for name in names}
    back = {name: draw(st.floats(BEAT_S + LEASE_S, 6 * LEASE_S)) for name in names}
    return fell, back


@given(outages(), st.floats(0.05, 0.5))
def test_nobody_died_and_nothing_moves(outage, every_s):
    fell, back = outage
    lifted_s = lifts_s(back)
    # The controller may have looked for the last time just before the guard lifted.
    back = {name: min(at_s, lifted_s + LEASE_S - every_s) for name, at_s in back.items()}
    assert when_moved(fell, back, steps(8 * LEASE_S, every_s)) == {}


@given(outages(), st.floats(0.05, 0.5))
def test_the_one_that_stays_silent_is_judged_one_lease_after_the_guard_lifted(outage, every_s):
    fell, back = outage
    last = max(back, key=lambda name: back[name])
    back = {name: min(at_s, lifts_s(back) + LEASE_S / 2) for name, at_s in back.items()}
    back[last] = NEVER_S
    moved = when_moved(fell, back, steps(9 * LEASE_S, every_s))
    assert moved.keys() == {last}
    late_s = moved[last] - (lifts_s(back) + LEASE_S)
    assert -every_s <= late_s <= 2 * every_s


@given(st.floats(0, BEAT_S), st.floats(0, BEAT_S))
def test_the_first_whose_lease_ends_is_not_judged_alone(second, third):
    fell = {"n1": 0.0, "n2": second, "n3": third}
    assert when_moved(fell, dict.fromkeys(fell, NEVER_S), steps(5 * LEASE_S, 0.05)) == {}


def test_three_nodes_come_back_one_after_the_other():
    fell = dict.fromkeys(("n1", "n2", "n3"), 0.0)
    back = {"n1": 10.0, "n2": 8.0, "n3": 6.0}
    history = dict(look_again_and_again(fell, back, steps(20.0)))
    assert all(eviction.placements == () for eviction in history.values())
    assert history[7.0].waiting.startswith("2 of 3 nodes fell silent together (n1, n2)")
    assert history[9.0].waiting == "most nodes speak again; n1 still has one lease (3 s)"
    assert history[9.0].again_s == pytest.approx(LEASE_S - 1.25)
    assert history[10.0].waiting == ""


def test_one_that_spoke_again_and_dies_gets_no_patience():
    """Of a guard that holds, it is no part any more."""
    seen = NodeList((dead("n1", 4.0), dead("n2", 0.0), dead("n3", 0.0)), OLD_S, LEASE_S)
    on_n1 = [Placed(Container("a"), "n1")]
    spoke = seen._replace(nodes=(dead("n1", 0.0), *seen.nodes[1:]))
    first = evict(on_n1, spoke, {"n1": 99.0}, 100.0)
    assert first.guarded == {}
    second = evict(on_n1, seen, first.guarded, 100.5)
    assert [item.reason for item in second.placements] == [f"{NODE_DOWN}: n1"]


def test_nodes_that_boot_one_after_the_other_are_awaited_too():
    """The same guard for nodes that the server never heard from."""
    on_n9 = [Placed(Container("a"), "n9")]
    none_yet = evict(on_n9, NodeList((), OLD_S, LEASE_S), {}, 50.0)
    one = NodeList((dead("n1", 0.0),), OLD_S, LEASE_S)
    soon = evict(on_n9, one, none_yet.guarded, 52.0)
    assert soon.placements == ()
    assert soon.again_s == pytest.approx(1.0)
    late = evict(on_n9, one, soon.guarded, 53.1)
    assert [item.reason for item in late.placements] == [f"{NODE_UNKNOWN}: n9"]


def dead(name, silent_s):
    return Node(name, silent_s, health(silent_s, LEASE_S))
