"""Who speaks, and which container that is: P6; and for how long a node may hold on: P3, leases."""

import pytest

from services.core.lease import Terms
from services.core.model import STOP, Container, UnitState
from services.state import EmbeddedKeys, State, Unavailable
from services.state.answers import TwoMachines
from services.state.topics import CONTAINERS
from tests.state.conftest import LEASE_S, told
from tests.states import MARGIN_S

HOLD_S = LEASE_S + MARGIN_S
SEED, FAST = Terms(15, 15, 15), Terms(3, 7, 10)


@pytest.fixture
def opened(tmp_path, clock):
    """opened(terms) -> the state in one folder; the one before is closed."""
    states: list[State] = []

    def opened(terms):
        for before in states:
            before.close()
        states.append(State(EmbeddedKeys(tmp_path), terms=terms, now_s=clock))
        return states[-1]

    yield opened
    states[-1].close()


def runs(store, created, name="web", node="node1"):
    """`node` says that it has acted on what it must run, and runs the container of `created`."""
    unit = UnitState("demo", ready=True, created=created)
    store.beat(node, {name: unit}, "b1", store.assignment(node).revision)


def test_deleted_and_declared_again_it_is_another_container(store):
    first = store.declare(Container("web"), "node1").container.created
    runs(store, first)
    assert store.running_on("web") == "node1"
    store.remove("web")
    second = store.declare(Container("web"), "node1").container.created
    assert second > first
    assert store.assignment("node1").containers[0].created == second
    runs(store, first)
    assert store.running_on("web") is None, "the old process is not the new container"
    before = store.version(CONTAINERS)
    runs(store, second)
    assert store.running_on("web") == "node1"
    assert store.version(CONTAINERS) > before, "nobody was told"


@pytest.mark.parametrize(
    "change",
    [
        lambda store: store.put(Container("web", "nginx")),
        lambda store: store.put(Container("web", on_disconnect=STOP)),
        lambda store: store.place("web", None, "by hand"),
        lambda store: store.declare(Container("web", "nginx"), None),
    ],
    ids=["another image", "another policy", "taken off its node", "declared once more"],
)
def test_what_is_changed_remains_the_same_container(store, change):
    created = store.declare(Container("web"), "node1").container.created
    change(store)
    assert store.container("web").container.created == created


def test_a_container_keeps_its_identity_over_a_restart(opened):
    created = opened(FAST).declare(Container("web"), "node1").container.created
    assert opened(FAST).container("web").container.created == created


def test_a_node_that_still_speaks_when_it_must_have_shut_down_is_back(store, clock):
    store.beat("node1", {}, "b1")
    store.leave("node1", "b1")
    for _ in range(int(HOLD_S)):
        clock.now_s += 1
        store.beat("node1", {}, "b1")
        assert store.node("node1")[0].leaving, "its agent may still speak while it shuts down"
    clock.now_s += 1
    store.beat("node1", {}, "b1")
    assert not store.node("node1")[0].leaving
    assert told(store)[-1] == ("node-up", "node1", "node1")


def test_a_goodbye_after_that_counts_from_then(store, clock):
    for _ in range(2):
        store.leave("node1", "b1")
        clock.now_s += HOLD_S
        store.beat("node1", {}, "b1")
        assert store.node("node1")[0].leaving
        clock.now_s += 1
        store.beat("node1", {}, "b1")
        assert not store.node("node1")[0].leaving


OTHERS = {
    "a heartbeat": lambda store: store.beat("node1", {}, "b2", uptime_s=400.0),
    "a long poll": lambda store: store.alive("node1", "b2"),
    "a goodbye": lambda store: store.leave("node1", "b2", 400.0),
}


@pytest.mark.parametrize("speaks", OTHERS.values(), ids=OTHERS)
def test_a_second_machine_of_one_name_is_refused_and_said_once(store, clock, speaks):
    store.beat("node1", {}, "b1", uptime_s=500.0)
    clock.now_s += 1
    for _ in range(2):
        with pytest.raises(TwoMachines):
            speaks(store)
    assert store.node("node1")[0].silent_s == 1, "it is no sign of life of the first one"
    store.beat("node1", {}, "b1", uptime_s=501.0)
    assert [kind for kind, *_ in told(store)] == ["node-up", "node-refused"]


def test_a_machine_that_boots_again_is_the_same_one(store, clock):
    store.beat("node1", {}, "b1", uptime_s=500.0)
    clock.now_s += 2
    store.beat("node1", {}, "b2", uptime_s=1.5)
    # And what the earlier boot sent, or the machine that it was, comes too late.
    with pytest.raises(TwoMachines):
        store.alive("node1", "b1")
    with pytest.raises(TwoMachines):
        store.beat("node1", {}, "b1", uptime_s=502.0)


def test_a_machine_may_be_replaced_when_it_has_stopped_everything(store, clock):
    store.beat("node1", {}, "b1", uptime_s=500.0)
    store.leave("node1", "b1")
    with pytest.raises(TwoMachines):
        store.beat("node1", {}, "b2", uptime_s=400.0)
    clock.now_s += HOLD_S
    store.beat("node1", {}, "b3", uptime_s=400.0)


def test_a_node_that_shuts_down_may_hold_on_for_as_long_as_that_takes(opened):
    store = opened(FAST)
    store.beat("node1", {}, "b1")
    assert store.node("node1")[0].hold_s == FAST.lease_s + FAST.stop_margin_s
    store.leave("node1", "b1")
    assert store.node("node1")[0].hold_s == FAST.leaving_s + FAST.stop_margin_s


def test_a_lease_outlives_the_profile_that_granted_it(opened, clock):
    opened(SEED).beat("node1", {}, "b1")
    store = opened(FAST)
    roll = store.nodes()
    assert (roll.awaited, roll.hold_s) == (("node1",), SEED.leaving_hold_s)
    clock.now_s += 4
    store.beat("node1", {}, "b1")
    # The answer to that may be lost, and then the longer lease still counts.
    assert store.node("node1")[0].hold_s == SEED.leaving_hold_s - 4
    clock.now_s += SEED.leaving_hold_s - 4
    store.beat("node1", {}, "b1")
    assert store.node("node1")[0].hold_s == FAST.hold_s
    store.judge()
    assert store.nodes().hold_s == SEED.leaving_hold_s, "it runs out after that moment, not at it"
    clock.now_s += 1
    store.judge()
    assert store.nodes().hold_s == FAST.leaving_hold_s
    assert opened(FAST).nodes().hold_s == FAST.leaving_hold_s


def test_a_longer_profile_counts_at_once(opened):
    opened(FAST).beat("node1", {}, "b1")
    assert opened(SEED).nodes().hold_s == SEED.leaving_hold_s


@pytest.mark.parametrize("open_store", ["etcd"], indirect=True)
def test_what_must_not_run_twice_waits_for_the_longer_lease_of_two_servers(open_store, clock):
    """Two servers of one store, of different profiles: what either granted holds for both."""
    slow = State(open_store(), terms=SEED, now_s=clock)
    quick = State(open_store(), terms=FAST, now_s=clock)
    try:
        slow.beat("node1", {}, "b1")
        assert quick._view.await_applied(slow._view.revision, 5)
        assert quick.node("node1")[0].hold_s == SEED.hold_s
        for _ in range(60):
            clock.now_s += 1
            slow.judge()
            slow.beat("node1", {}, "b1")
            quick.judge()
        assert quick.nodes().hold_s == SEED.leaving_hold_s, "the other one still grants it"
    finally:
        quick.close()
        slow.close()


def test_a_node_whose_first_word_of_a_boot_could_not_be_stored_is_still_the_same(store, clock):
    """It was heard, but what is known of it is older than that boot."""
    store.beat("node1", {}, "b1", uptime_s=500.0)
    clock.now_s += 60
    store.declare(Container("web"), None)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(store, "_change", unavailable)
        with pytest.raises(Unavailable):
            store.beat("node1", {}, "b2", uptime_s=30.0)
    clock.now_s += 1
    store.beat("node1", {}, "b2", uptime_s=31.0)
    assert "node-refused" not in [kind for kind, *_ in told(store)]


@pytest.mark.parametrize("open_store", ["etcd"], indirect=True)
def test_after_a_restart_what_is_stored_of_a_machine_proves_nothing(open_store, clock):
    """The lab boots as a whole: the signs in etcd are of the boot before, and of unknown age."""
    first = State(open_store(), terms=FAST, now_s=clock)
    first.beat("node1", {}, "b1", uptime_s=500.0)
    second = State(open_store(), terms=FAST, now_s=clock)
    try:
        clock.now_s += 3
        second.judge()
        second.beat("node1", {}, "b2", uptime_s=40.0)
    finally:
        second.close()
        first.close()


@pytest.mark.parametrize("open_store", ["etcd"], indirect=True)
def test_a_node_that_was_down_is_down_until_it_speaks(open_store, clock):
    """Also for a server that starts, or knows again what is stored: nothing is placed there."""
    first = State(open_store(), terms=FAST, now_s=clock)
    first.beat("node1", {}, "b1")
    for _ in range(2 * int(FAST.lease_s)):
        clock.now_s += 1
        first.judge()
    second = State(open_store(), terms=FAST, now_s=clock)
    try:
        assert not second.node("node1")[0].takes_containers
        second.beat("node1", {}, "b1")
        assert second.node("node1")[0].takes_containers
    finally:
        second.close()
        first.close()


def unavailable(*_):
    raise Unavailable("the state", "full", "make room")
