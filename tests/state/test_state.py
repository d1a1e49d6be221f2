"""What is wanted and placed, and what it costs to ask."""

import pytest

from services.core.errors import UnknownContainer
from services.core.model import KEEP, STOP, Assignment, Container, UnitState
from services.state import LimitReached, Limits
from tests.state.conftest import LEASE_S, reopen, told, wanted, where
from tests.states import open_state


def test_a_new_store_is_empty_and_at_revision_0(store):
    listing, nowhere = store.listing(), store.unassigned()
    assert listing[:3] == nowhere[:3] == ((), {}, 0)
    assert store.assignment("node1") == Assignment(store.epoch, 0, (), LEASE_S)
    assert store.trouble() == ""


def test_what_is_declared_is_listed_by_name(store):
    store.declare(Container("b", "nginx", STOP), None)
    store.declare(Container("c"), "node1")
    store.declare(Container("a"), "node1")
    assert [wanted(item.container) for item in store.listing().placed] == [
        Container("a"),
        Container("b", "nginx", STOP),
        Container("c"),
    ]
    assert where(store) == {"a": "node1", "b": None, "c": "node1"}
    assert [item.name for item in store.unassigned().placed] == ["b"]
    mine = tuple(map(wanted, store.assignment("node1").containers))
    assert mine == (Container("a"), Container("c"))


def test_declaring_what_exists_changes_nothing(store):
    first = store.declare(Container("a"), "node1")
    before = store.listing()
    assert store.declare(Container("a", "nginx"), "node2") == first
    assert store.listing() == before


def test_putting_replaces_what_is_wanted_and_leaves_it_where_it_is(store):
    placed, created = store.put(Container("a"))
    assert (placed, created) == (store.container("a"), True)
    store.place("a", "node1", "")
    placed, created = store.put(Container("a", "nginx", STOP))
    assert not created
    assert (wanted(placed.container), placed.node) == (Container("a", "nginx", STOP), "node1")
    assert store.put(Container("a", "nginx", STOP)) == (placed, False)
    assert store.put(Container("a", "nginx", KEEP))[0].revision > placed.revision


def test_a_removed_container_leaves_no_placement_behind(store, tmp_path, clock):
    store.declare(Container("a"), "node1")
    store.remove("a")
    assert store.assignment("node1").containers == ()
    store.declare(Container("a"), None)
    assert where(store) == where(reopen(tmp_path, clock)) == {"a": None}


def test_removing_what_nobody_wanted_changes_nothing(store):
    store.remove("a")
    assert store.listing().revision == 0


def test_who_asks_for_an_unknown_container_is_told_so(store):
    with pytest.raises(UnknownContainer):
        store.place("a", "node1", "")
    with pytest.raises(UnknownContainer):
        store.container("a")
    assert store.running_on("a") is None


CHANGES = [
    pytest.param(lambda store: store.declare(Container("b"), None), True, id="declare"),
    pytest.param(lambda store: store.declare(Container("a"), None), False, id="declare again"),
    pytest.param(lambda store: store.put(Container("a", "nginx")), True, id="put another"),
    pytest.param(lambda store: store.put(Container("a")), False, id="put the same"),
    pytest.param(lambda store: store.place("a", "node2", ""), True, id="place elsewhere"),
    pytest.param(lambda store: store.place("a", "node1", "x"), False, id="place where it is"),
    pytest.param(lambda store: store.place("a", None, ""), True, id="unassign"),
    pytest.param(lambda store: store.remove("a"), True, id="remove"),
    pytest.param(lambda store: store.remove("b"), False, id="remove nothing"),
    pytest.param(lambda store: store.beat("node1", {}), False, id="a beat"),
]


@pytest.mark.parametrize(("change", "counts"), CHANGES)
def test_every_change_and_nothing_else_has_a_revision(store, tmp_path, clock, change, counts):
    store.declare(Container("a"), "node1")
    before = store.listing()
    change(store)
    after = store.listing()
    assert (after.revision > before.revision, after.version > before.version) == (counts, counts)
    assert reopen(tmp_path, clock).listing().revision == after.revision


@pytest.mark.parametrize(("change", "counts"), CHANGES)
def test_a_list_is_made_only_when_something_changed(store, change, counts):
    store.declare(Container("a"), "node1")
    store.beat("node1", {})
    before = store.listing()
    change(store)
    assert (store.listing() is before) == (not counts)


def test_everything_but_what_was_seen_survives_a_restart(store, tmp_path, clock):
    store.declare(Container("a", "nginx", STOP), "node1")
    store.declare(Container("b"), None)
    store.beat("node1", None)
    store.mark("node1", cordoned=True)
    again = reopen(tmp_path, clock)
    assert again.listing().placed == store.listing().placed
    assert again.assignment("node1").containers == store.assignment("node1").containers
    assert again.node("node1")[0].cordoned
    assert again.nodes().awaited == ("node1",)


def test_an_assignment_has_the_revision_of_what_last_concerned_its_node(store, tmp_path, clock):
    """Or of something as old, but 0 only while nothing was ever declared."""
    store.beat("node1", {})
    store.beat("node2", {})
    store.mark("node1", cordoned=True)
    assert store.assignment("node1").revision == 0
    first = store.declare(Container("a"), "node1").revision
    second = store.declare(Container("b"), "node2").revision
    third = store.declare(Container("c"), None).revision
    store.beat("node2", {"b": UnitState("demo", ready=True)})
    revisions = {node: store.assignment(node).revision for node in ("node1", "node2", "other")}
    assert revisions == {"node1": first, "node2": second, "other": third}
    last = store.place("a", None, "").revision
    assert store.assignment("node1").revision == last
    again = reopen(tmp_path, clock)
    after = {node: again.assignment(node).revision for node in revisions}
    assert after == {"node1": last, "node2": second, "other": last}
    again.place("a", "node1", "")
    assert again.assignment("node1").revision > last


def test_a_store_made_anew_has_another_epoch(store, tmp_path, clock):
    other = tmp_path / "other"
    other.mkdir()
    assert reopen(other, clock).epoch != store.epoch
    assert reopen(other, clock).epoch == reopen(other, clock).assignment("n").epoch


def test_every_change_is_told_with_its_reason(store):
    store.declare(Container("a"), None)
    store.declare(Container("b"), "node1")
    store.put(Container("a", "nginx"))
    store.place("a", "node1", "fewest containers")
    store.place("a", None, "node is down: node1")
    store.remove("b")
    assert told(store) == [
        ("wanted", "a", ""),
        ("wanted", "b", ""),
        ("placed", "b", "node1"),
        ("wanted", "a", ""),
        ("placed", "a", "node1"),
        ("unplaced", "a", "node1"),
        ("unwanted", "b", "node1"),
    ]
    assert [event.reason for event in store.events(0).events] == [
        "declared",
        "declared",
        "declared there",
        "declared again: image nginx",
        "fewest containers",
        "node is down: node1",
        "deleted",
    ]


def test_one_container_too_many_is_refused_and_room_can_be_made(tmp_path, clock):
    store = open_state(tmp_path, lease_s=LEASE_S, now_s=clock, limits=Limits(containers=2))
    store.declare(Container("a"), None)
    store.put(Container("b"))
    for more in (lambda: store.declare(Container("c"), None), lambda: store.put(Container("c"))):
        with pytest.raises(LimitReached) as caught:
            more()
        assert str(caught.value) == "there are 2 containers already, and that is the limit"
    store.put(Container("a", "nginx"))
    store.declare(Container("a"), None)
    store.remove("a")
    store.declare(Container("c"), None)
    assert where(store) == {"b": None, "c": None}
