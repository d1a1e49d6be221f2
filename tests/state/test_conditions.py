"""Conditional writes: whoever decided about something older than there is, decides anew."""

import random
import threading

import pytest

from services.core.model import Container
from services.state import ABSENT, EXISTS, RevisionConflict
from services.state.answers import check
from tests.state.conftest import in_threads, where

WRITES = {
    "put": lambda store, expect: store.put(Container("a", "nginx"), expect=expect),
    "place": lambda store, expect: store.place("a", "node2", "", expect=expect),
    "place where it is": lambda store, expect: store.place("a", "node1", "", expect=expect),
    "put what is": lambda store, expect: store.put(Container("a"), expect=expect),
    "remove": lambda store, expect: store.remove("a", expect=expect),
    "mark": lambda store, expect: store.mark("a", cordoned=True, expect=expect),
    "mark as it is": lambda store, expect: store.mark("a", cordoned=False, expect=expect),
}


def made(store):
    """A container a on node1, and a node a."""
    store.declare(Container("a"), "node1")
    store.beat("a", None)


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
def test_what_is_as_expected_is_written(store, write):
    made(store)
    write(store, EXISTS)


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
@pytest.mark.parametrize("expect", [ABSENT, 1000, -2])
def test_what_is_not_as_expected_stays_as_it_is(store, write, expect):
    made(store)
    before = store.listing(), store.node("a")[0], store.events(0)
    with pytest.raises(RevisionConflict):
        write(store, expect)
    assert (store.listing(), store.node("a")[0], store.events(0)) == before


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
@pytest.mark.parametrize("expect", [EXISTS, 1])
def test_what_is_not_there_is_not_as_expected(store, write, expect):
    with pytest.raises(RevisionConflict) as caught:
        write(store, expect)
    assert (caught.value.name, caught.value.expected, caught.value.actual) == ("a", expect, ABSENT)


@pytest.mark.parametrize("name", ["put", "place", "remove"])
def test_a_container_has_the_revision_of_its_last_change_and_of_no_other(store, name):
    read = store.declare(Container("a"), None)
    read = store.place("a", "node1", "", expect=read.revision)
    store.declare(Container("b"), "node1")
    store.beat("node1", {})
    assert store.container("a") == read
    WRITES[name](store, read.revision)
    with pytest.raises(RevisionConflict):
        WRITES[name](store, read.revision)


def test_a_node_has_the_revision_of_its_last_change_and_of_no_other(store, clock):
    store.beat("a", {})
    store.beat("b", {})
    read, _ = store.node("a")
    store.mark("b", cordoned=True)
    store.beat("a", {})
    assert store.node("a")[0].revision == read.revision
    marked = store.mark("a", cordoned=True, expect=read.revision)
    with pytest.raises(RevisionConflict):
        store.mark("a", cordoned=False, expect=read.revision)
    clock.now_s += 4
    store.judge()
    with pytest.raises(RevisionConflict):
        store.mark("a", cordoned=False, expect=marked.revision)
    store.mark("a", cordoned=False, expect=store.node("a")[0].revision)


def test_only_one_can_create(store):
    store.put(Container("a"), expect=ABSENT)
    with pytest.raises(RevisionConflict):
        store.put(Container("a", "nginx"), expect=ABSENT)
    store.remove("b", expect=ABSENT)


@pytest.mark.parametrize(
    ("expected", "actual", "message"),
    [
        (5, 7, "container 'a' is at revision 7, but was expected at revision 5"),
        (5, ABSENT, "container 'a' does not exist, but was expected at revision 5"),
        (EXISTS, ABSENT, "container 'a' does not exist, but was expected to exist"),
        (ABSENT, 7, "container 'a' is at revision 7, but was expected not to exist"),
    ],
)
def test_a_conflict_says_what_was_expected_and_what_is(expected, actual, message):
    with pytest.raises(RevisionConflict) as caught:
        check("container", "a", expected, actual)
    assert str(caught.value) == message
    assert caught.value.hint == "read container 'a' again, then decide again"


def test_of_writers_with_one_expectation_in_one_batch_exactly_one_wins(store, disk):
    read = store.declare(Container("a"), None)
    conflicts, won = [], []

    def write(node):
        try:
            won.append(store.place("a", node, "", expect=read.revision).node)
        except RevisionConflict as conflict:
            conflicts.append(conflict)

    disk.hold()
    # One is at the disk, and all others wait for it together.
    first = threading.Thread(target=store.declare, args=(Container("b"), None))
    first.start()
    assert disk.busy.wait(5)
    threading.Timer(0.2, disk.go_on).start()
    in_threads(*(lambda n=n: write(f"node{n}") for n in range(8)), first.join)
    assert len(won) == 1
    assert len(conflicts) == 7
    assert where(store)["a"] == won[0]


def test_no_scheduler_ever_overwrites_a_decision_that_it_did_not_read(store):
    """Eight at once, some with old data. Each writes down on what it decided."""
    names = [f"c{n}" for n in range(4)]
    for name in names:
        store.declare(Container(name), None)
    conflicts = []

    def schedule(thread):
        choose = random.Random(thread)
        read = {}
        for turn in range(60):
            name = choose.choice(names)
            if name not in read or choose.random() < 0.6:
                read[name] = store.container(name)
            expect = read[name].revision
            try:
                store.place(name, f"n{thread}-{turn}", f"decided on {expect}", expect=expect)
            except RevisionConflict:
                conflicts.append(name)

    in_threads(*(lambda t=t: schedule(t) for t in range(8)))
    assert conflicts
    last: dict[str, tuple[int, str]] = {}
    for event in store.events(0).events:
        if event.kind == "placed":
            assert event.reason == f"decided on {last[event.subject][0]}", event
        last[event.subject] = (event.revision, event.node)
    assert where(store) == {name: node for name, (_, node) in last.items()}
    assert len({revision for revision, _ in last.values()}) == len(names)
