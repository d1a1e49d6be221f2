"""What a server says and does while changes of its store may be missing: with two servers of one
store, whose watch can hang, and whose commits can fail."""

import threading
from contextlib import contextmanager

import pytest

from services.core.lease import Terms
from services.core.model import Container, Health
from services.state import EmbeddedKeys, State, Unavailable
from services.state import freshness as freshness_module
from tests.state.conftest import DEADLINE_S, LEASE_S, told, where
from tests.waiting import wait_for


class Shared:
    """The store `keys` as one of several servers sees it.

    failure: what every commit raises. calm: cleared, and nothing comes from a watch.
    """

    shared = True

    def __init__(self, keys):
        self._keys = keys
        self.failure = None
        self.calm = threading.Event()
        self.calm.set()

    def commit(self, compare, write):
        if self.failure:
            raise self.failure
        return self._keys.commit(compare, write)

    def watch(self, prefix, after):
        for change in self._keys.watch(prefix, after):
            self.calm.wait(DEADLINE_S)
            yield change

    def __getattr__(self, name):
        return getattr(self._keys, name)


@pytest.fixture
def shared(tmp_path):
    return Shared(EmbeddedKeys(tmp_path))


@pytest.fixture
def one(shared, clock):
    """A server of which node1 is known, as is that `a` runs there."""
    state = State(shared, terms=Terms(LEASE_S), now_s=clock)
    state.declare(Container("a"), "node1")
    state.beat("node1", {})
    return state


@pytest.fixture
def other(one, shared, clock):
    """Another server of the same store; nothing hangs or fails there."""
    return State(Shared(shared._keys), terms=Terms(LEASE_S), now_s=clock)


def health(state, node="node1"):
    return state.node(node)[0].health


def live(clock, *states, seconds, speaks=lambda: None):
    """Let time pass as servers do."""
    for _ in range(int(seconds / 0.5)):
        clock.now_s += 0.5
        speaks()
        for state in states:
            state.judge()


@contextmanager
def hanging(shared):
    """The watch of `shared` hangs; then nothing is waited for in vain for long."""
    shared.calm.clear()
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(freshness_module, "BEHIND_S", 0.05)
            yield
    finally:
        shared.calm.set()


@contextmanager
def without_a_quorum(shared):
    shared.failure = Unavailable("etcd at m0,m1,m2", "two are lost", "start them")
    try:
        yield
    finally:
        shared.failure = None


def test_a_node_that_speaks_to_another_server_is_not_silent_while_a_watch_hangs(
    one, other, shared, clock
):
    def speaks():
        other.beat("node1", {})

    with hanging(shared):
        live(clock, one, other, seconds=2 * LEASE_S, speaks=speaks)
        assert one.stale()
        assert health(one) is not Health.DOWN
    live(clock, one, other, seconds=LEASE_S, speaks=speaks)
    assert not one.stale()
    assert health(one) is Health.UP
    assert "node-down" not in [kind for kind, _, _ in told(other)]


def test_after_a_gap_a_node_has_a_whole_lease_to_speak(one, shared, clock):
    with without_a_quorum(shared):
        live(clock, one, seconds=3 * LEASE_S)
    live(clock, one, seconds=LEASE_S)
    assert not one.stale()
    assert health(one) is not Health.DOWN
    assert one.nodes().uptime_s <= LEASE_S  # as after a start: the node controller waits, too
    live(clock, one, seconds=1)
    assert health(one) is Health.DOWN
    assert told(one)[-1] == ("node-down", "node1", "node1")


def test_silence_counts_until_the_store_confirmed_the_view(one, clock):
    clock.now_s += 1.5
    assert one.node("node1")[0].silent_s == 0
    assert one.judge() == 1
    assert one.node("node1")[0].silent_s == 1.5
    clock.now_s += 0.5
    one.beat("node1", {})
    assert one.node("node1")[0].silent_s == 0


def test_without_a_quorum_answers_go_on_and_changes_are_refused_with_the_reason(one, shared, clock):
    with without_a_quorum(shared):
        live(clock, one, seconds=3)
        assert not one.stale()
        live(clock, one, seconds=0.5)
        assert "etcd" in one.stale()
        asked = threading.Event()
        shared.commit = lambda *_: asked.set()
        for change in (lambda: one.declare(Container("b"), None), lambda: one.beat("node1", {})):
            with pytest.raises(Unavailable, match="two are lost") as caught:
                change()
            assert caught.value.hint == "start them"
        assert not asked.is_set()
        del shared.commit
        assert where(one) == {"a": "node1"}
    live(clock, one, seconds=0.5)
    one.declare(Container("b"), None)
    assert where(one) == {"a": "node1", "b": None}


def test_no_read_waits_for_a_commit(one, shared, clock):
    hung, goes_on = threading.Event(), threading.Event()
    commit = shared.commit

    def hang(*arguments):
        hung.set()
        goes_on.wait(DEADLINE_S)
        return commit(*arguments)

    clock.now_s += LEASE_S + 1
    shared.commit = hang
    judging = threading.Thread(target=one.judge)
    judging.start()
    try:
        assert hung.wait(DEADLINE_S)
        assert where(one) == {"a": "node1"}
        assert one.nodes().heard
        assert one.running_on("a") is None
        assert one.version("nodes") <= one.events(0).revision
        assert judging.is_alive()
    finally:
        goes_on.set()
        judging.join()


def test_a_store_of_this_process_alone_is_never_stale(store, clock):
    clock.now_s += 1000
    assert store.stale() == ""
    store.declare(Container("a"), None)


def test_what_was_missing_is_here_before_the_mark_goes(one, other, shared, clock):
    with hanging(shared):
        live(clock, one, other, seconds=4)
        other.declare(Container("b"), None)
        assert where(one) == {"a": "node1"}
        assert one.stale()
    wait_for(lambda: one.judge() and not one.stale(), "it is confirmed", timeout_s=10)
    assert where(one) == {"a": "node1", "b": None}
