"""The state is the same over either store; and two servers of one etcd say the same."""

import pytest

from services.core.errors import UnknownContainer
from services.core.lease import Terms
from services.core.model import STOP, Container, UnitState
from services.state import RevisionConflict, State, Unavailable
from tests.pull.direct import declare, report
from tests.state.conftest import LEASE_S, told, where
from tests.waiting import wait_for

READY = {"a": UnitState("demo", ready=True)}


@pytest.fixture
def opened(open_store, clock):
    """opened() -> a state over the store of this test; what is open is closed at the end."""
    states = []

    def opened():
        states.append(State(open_store(), terms=Terms(LEASE_S), now_s=clock))
        return states[-1]

    yield opened
    for state in states:
        state.close()


def test_a_life_of_a_container_and_a_node(opened, clock):
    state = opened()
    report(state, "node1")
    declare(state, "a")
    read = state.container("a")
    state.place("a", "node1", "here", expect=read.revision)
    with pytest.raises(RevisionConflict):
        state.place("a", "node2", "there", expect=read.revision)
    state.beat("node1", READY, "boot", state.assignment("node1").revision, state.epoch)
    assert state.running_on("a") == "node1"
    assert state.node("node1")[0].settled
    state.mark("node1", draining=True)
    state.put(Container("a", on_disconnect=STOP))
    assert state.nodes().unheard == {"node1": ["a"]}
    state.remove("a")
    assert state.nodes().left == {"node1": ["a"]}
    state.leave("node1", "boot")
    for _ in range(5):  # as a server does
        clock.now_s += 0.9
        state.judge()
    state.forget("node1")
    with pytest.raises(UnknownContainer):
        state.container("a")
    assert [kind for kind, _, _ in told(state)] == [
        "node-up", "wanted", "placed", "running", "draining", "wanted", "unwanted",
        "node-leaving", "node-down", "node-forgotten",
    ]  # fmt: skip
    revisions = [event.revision for event in state.events(0).events]
    assert revisions == sorted(set(revisions))


def test_everything_but_what_was_seen_survives_an_end(opened):
    state = opened()
    declare(state, "a", node="node1")
    report(state, "node1", "a")
    state.mark("node1", cordoned=True)
    before = state.listing().placed, state.assignment("node1"), state.events(0).events
    state.close()
    again = opened()
    assert (again.listing().placed, again.assignment("node1"), again.events(0).events) == before
    assert again.node("node1")[0].cordoned
    assert again.listing().revision == before[0][0].revision


def test_many_events_are_dropped_in_the_order_of_their_age(opened):
    state = opened()
    state._limits = state._limits._replace(events=30)
    for n in range(70):
        declare(state, f"c{n}")
    page = state.events(0)
    assert page.truncated
    assert [event.subject for event in page.events] == [
        f"c{n}" for n in range(70 - len(page.events), 70)
    ]


def test_a_node_that_lost_many_containers_says_once_that_it_knows(opened):
    state = opened()
    report(state, "node1")
    many = [f"c{n}" for n in range(120)]
    declare(state, *many, node="node1", policy=STOP)
    report(state, "node1", *many)
    for name in many:
        state.place(name, None, "by hand")
    assert state.nodes().left == {"node1": sorted(many)}
    report(state, "node1")
    assert state.nodes().left == {}
    assert state.node("node1")[0].settled


@pytest.mark.parametrize("open_store", ["etcd"], indirect=True)
def test_two_servers_of_one_etcd_say_the_same(opened):
    one, other = opened(), opened()
    report(one, "node1")
    declare(one, "a", node="node1")
    wait_for(lambda: where(other) == {"a": "node1"}, "the other server knows", timeout_s=10)
    other.place("a", None, "by hand")
    wait_for(lambda: where(one) == {"a": None}, "and the first one, too", timeout_s=10)
    assert one.epoch == other.epoch
    assert one.assignment("node1") == other.assignment("node1")
    assert one.events(0) == other.events(0)
    assert one.listing()[:3] == other.listing()[:3]
    assert one.nodes().left == other.nodes().left == {"node1": ["a"]}
    one.close()
    declare(other, "b")
    assert where(other) == {"a": None, "b": None}


def test_a_value_that_is_not_ours_is_logged_and_its_end_mends_the_state(
    opened, monkeypatch, caplog
):
    monkeypatch.setattr("services.state.state.BEHIND_S", 0.3)
    monkeypatch.setattr("services.state.mirror._AGAIN_S", 0.05)
    state = opened()
    declare(state, "a")
    state._keys.commit({}, {"container/x": {"node": 7}})
    wait_for(state.stale, "it is noticed", timeout_s=10)
    with pytest.raises(Unavailable, match="cannot be read"):
        declare(state, "b")
    assert "container/x" in caplog.text
    assert "container/x" in state.trouble()
    assert where(state) == {"a": None}
    state._keys.commit({}, {"container/x": None})
    wait_for(lambda: not state.stale(), "it goes on", timeout_s=10)
    declare(state, "c")
    assert where(state) == {"a": None, "c": None}
    assert state.trouble() == ""
