"""The log of events: bounded, in order, and honest about what it dropped."""

from hypothesis import given
from hypothesis import strategies as st

from services.core.model import Container, Event
from services.store import Limits, Store
from services.store.events import EventLog
from tests.store.conftest import LEASE_S, reopen, told

NOISE = ("running", "stopped")
kinds = st.sampled_from(["wanted", "placed", "running", "stopped", "running", "stopped"])
# Each inner list is one change: its events have one revision.
changes = st.lists(st.lists(st.tuples(kinds, st.sampled_from("abc")), min_size=1, max_size=4))


def events_of(changes):
    """Each with a reason of its own, so that no two are equal."""
    return [
        [Event(n, "", 0.0, *of, "", f"{n}.{m}") for m, of in enumerate(change)]
        for n, change in enumerate(changes, 1)
    ]


@given(changes, st.integers(1, 25))
def test_a_page_is_what_happened_since_or_says_that_some_of_it_is_missing(changes, most):
    log, everything = EventLog((), 0, most=most), []
    for events in events_of(changes):
        log.add(events)
        everything += events
        last = everything[-1].revision
        assert len(log) <= most
        for since in range(last + 2):
            page = log.since(since, last)
            expected = [event for event in everything if event.revision > since]
            assert page.truncated == (list(page.events) != expected)
            assert list(page.events) == [event for event in expected if event in page.events]
            assert page.revision == last


@given(changes, st.integers(10, 40))
def test_what_is_dropped_first_is_noise_of_which_there_is_newer(changes, most):
    log, everything = EventLog((), 0, most=most), []
    for events in events_of(changes):
        log.add(events)
        everything += events
        kept = log.since(0, 0).events
        recent = everything[-(most // 10) :]
        assert list(kept[-len(recent) :]) == recent
        for n in range(everything.index(kept[0]), len(everything)):
            kind, subject = everything[n].kind, everything[n].subject
            newer = [e for e in everything[n + 1 :] if e.subject == subject and e.kind in NOISE]
            assert everything[n] in kept or (kind in NOISE and newer)


def test_one_restless_container_does_not_push_out_what_others_did():
    log = EventLog((), 0, most=100)
    log.add([Event(1, "", 0.0, "wanted", "a", "", "")])
    for revision in range(2, 5000):
        log.add([Event(revision, "", 0.0, NOISE[revision % 2], "b", "node1", "")])
    page = log.since(0, 4999)
    assert page.events[0].kind == "wanted"
    assert page.events[-1].revision == 4999
    assert (page.oldest, page.truncated) == (1, True)
    assert not log.since(4990, 4999).truncated


def test_a_page_begins_after_what_was_read_and_says_where_to_go_on(store):
    assert store.events(0) == ((), 0, 0, False)
    store.beat("node1", {})
    first = store.events(0)
    assert (first.oldest, first.revision) == (first.events[0].revision,) * 2
    assert store.events(first.revision) == ((), first.revision, first.revision, False)
    store.mark("node1", cordoned=True)
    assert told(store, first.revision) == [("cordoned", "node1", "node1")]
    assert store.events(10**9).events == ()


def test_the_store_keeps_as_many_events_as_it_may(tmp_path, clock):
    store = Store(tmp_path, lease_s=LEASE_S, now_s=clock, limits=Limits(events=10))
    store.beat("node1", {})
    for n in range(30):
        store.mark("node1", cordoned=n % 2 == 0)
    assert 5 <= len(store.events(0).events) <= 10
    assert store.events(0).truncated
    assert not store.events(store.events(0).oldest).truncated


def test_a_reason_that_is_a_book_is_cut(store):
    store.declare(Container("a"), None)
    store.place("a", "node1", "why " * 10_000)
    reason = store.events(0).events[-1].reason
    assert (len(reason), reason[:8], reason[-1]) == (300, "why why ", "…")
    store.place("a", "node2", "w" * 300)
    assert store.events(0).events[-1].reason == "w" * 300


def test_events_are_not_in_the_file_of_the_state(store, tmp_path):
    store.beat("node1", {})
    store.mark("node1", cordoned=True)
    written = b"".join(path.read_bytes() for path in tmp_path.glob("journal-*"))
    assert b"gets nothing new" not in written


def test_a_store_says_what_it_had_to_repair(store, tmp_path, clock):
    store.beat("node1", {})
    journal = max(tmp_path.glob("journal-*"))
    journal.write_bytes(journal.read_bytes()[:-3])
    again = reopen(tmp_path, clock)
    assert again.problem
    assert [(e.kind, e.reason) for e in again.events(again._engine.numbers.start).events] == [
        ("repaired", again.problem)
    ]
