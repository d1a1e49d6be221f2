"""The log of events: bounded, in order, and honest about what it dropped."""

from services.core.model import Container, Event, UnitState
from services.state import Limits
from tests.state.conftest import LEASE_S, crashed, reopen, told
from tests.states import open_state


def test_a_page_is_what_happened_since_or_says_that_some_of_it_is_missing(tmp_path, clock):
    store = open_state(tmp_path, lease_s=LEASE_S, now_s=clock, limits=Limits(events=20))
    everything: list[Event] = []
    for n in range(70):
        store.beat(f"node{n % 3}", {f"c{n % 5}": UnitState("demo", ready=n % 2 == 0)})
        store.mark(f"node{n % 3}", cordoned=n % 2 == 0)
        seen = everything[-1].revision if everything else 0
        everything += store.events(seen).events
        for since in {0, seen, everything[len(everything) // 2].revision}:
            page = store.events(since)
            expected = [event for event in everything if event.revision > since]
            assert page.truncated or list(page.events) == expected
            assert list(page.events) == [event for event in expected if event in page.events]
    assert len(store.events(0).events) <= 20 + 5


def test_one_restless_node_does_not_push_out_what_others_did(tmp_path, clock):
    store = open_state(tmp_path, lease_s=LEASE_S, now_s=clock, limits=Limits(events=100))
    store.declare(Container("a"), "node2")
    for turn in range(500):
        store.beat("node1", {"b": UnitState("demo", ready=turn % 2 == 0)})
    for turn in range(3):
        many = {f"c{n}": UnitState("demo", ready=turn % 2 == 0) for n in range(900)}
        store.beat("node1", many)
    page = store.events(0)
    assert [(event.kind, event.subject) for event in page.events[:2]] == [
        ("wanted", "a"),
        ("placed", "a"),
    ]
    assert page.truncated
    assert page.events[-1].reason == "and 860 more changes in one report"
    assert len(page.events) <= 100 + 100


def test_a_page_begins_after_what_was_read_and_says_where_to_go_on(store):
    assert store.events(0).events == ()
    store.beat("node1", {})
    first = store.events(0)
    assert (first.oldest, first.revision) == (first.events[0].revision,) * 2
    assert store.events(first.revision) == ((), first.revision, first.revision, False)
    store.mark("node1", cordoned=True)
    assert told(store, first.revision) == [("cordoned", "node1", "node1")]
    assert store.events(10**9).events == ()


def test_the_store_keeps_as_many_events_as_it_may(tmp_path, clock):
    store = open_state(tmp_path, lease_s=LEASE_S, now_s=clock, limits=Limits(events=10))
    store.beat("node1", {})
    for n in range(30):
        store.mark("node1", cordoned=n % 2 == 0)
    assert 5 <= len(store.events(0).events) <= 12
    assert store.events(0).truncated
    assert not store.events(store.events(0).oldest).truncated


def test_a_reason_that_is_a_book_is_cut(store):
    store.declare(Container("a"), None)
    store.place("a", "node1", "why " * 10_000)
    reason = store.events(0).events[-1].reason
    assert (len(reason), reason[:8], reason[-1]) == (300, "why why ", "…")
    store.place("a", "node2", "w" * 300)
    assert store.events(0).events[-1].reason == "w" * 300


def test_after_an_orderly_end_nothing_is_missing_and_after_a_kill_that_is_said(
    store, tmp_path, clock
):
    store.declare(Container("a"), "node1")
    store.beat("node1", {"a": UnitState("demo", ready=True)})
    before = store.events(0)
    killed = crashed(tmp_path, clock, tmp_path / "after")
    assert killed.events(0).truncated
    assert [e.kind for e in killed.events(0).events] == ["wanted", "placed", "node-up"]
    store.close()
    again = reopen(tmp_path, clock)
    assert again.events(0).events == before.events
    assert not again.events(0).truncated


def test_a_store_says_what_it_had_to_repair(store, tmp_path, clock):
    store.beat("node1", {})
    again = crashed(tmp_path, clock, tmp_path / "after", lost_bytes=3)
    assert again._keys.problem
    assert told(again)[-1] == ("repaired", "store", "")
    assert again.events(0).events[-1].reason == again._keys.problem
