import pytest

from services.core.errors import UnknownContainer
from services.core.model import Container, Health, UnitState
from services.store import PlacedMeanwhile
from tests.store.conftest import LEASE_S, reopen, where


def test_a_new_store_is_empty_and_at_revision_0(store):
    assert store.listing() == ((), {}, 0)
    assert store.problem == ""


def test_what_is_declared_is_listed_by_name(store):
    store.declare(Container("b", "nginx"), None)
    store.declare(Container("a"), "node1")
    assert [item.container for item in store.listing().placed] == [
        Container("a"),
        Container("b", "nginx"),
    ]
    assert where(store) == {"a": "node1", "b": None}


def test_declaring_what_exists_changes_nothing(store):
    store.declare(Container("a"), "node1")
    before = store.listing()
    store.declare(Container("a", "nginx"), "node2")
    assert store.listing() == before


def test_a_removed_container_leaves_no_placement_behind(store):
    store.declare(Container("a"), "node1")
    store.remove("a")
    store.declare(Container("a"), None)
    assert where(store) == {"a": None}


def test_removing_what_nobody_wanted_changes_nothing(store):
    store.remove("a")
    assert store.listing().revision == 0


def test_placing_an_unknown_container_is_an_error(store):
    with pytest.raises(UnknownContainer):
        store.place("a", "node1", "")
    with pytest.raises(UnknownContainer):
        store.place_if("a", "node1", "", if_node=None)


def test_a_decision_about_an_older_placement_is_refused(store):
    store.declare(Container("a"), None)
    store.place_if("a", "node1", "", if_node=None)
    with pytest.raises(PlacedMeanwhile) as caught:
        store.place_if("a", "node2", "", if_node=None)
    assert str(caught.value) == "container 'a' is on 'node1', not unplaced"
    assert where(store) == {"a": "node1"}
    store.place_if("a", None, "", if_node="node1")
    assert where(store) == {"a": None}


@pytest.mark.parametrize(
    ("change", "counts"),
    [
        pytest.param(lambda store: store.declare(Container("b"), None), True, id="declare"),
        pytest.param(lambda store: store.declare(Container("a"), None), False, id="declare again"),
        pytest.param(lambda store: store.place("a", "node2", ""), True, id="place elsewhere"),
        pytest.param(lambda store: store.place("a", "node1", "x"), False, id="place where it is"),
        pytest.param(lambda store: store.place("a", None, ""), True, id="unassign"),
        pytest.param(lambda store: store.remove("a"), True, id="remove"),
        pytest.param(lambda store: store.beat("node1", {}), False, id="a beat"),
    ],
)
def test_every_change_and_nothing_else_has_a_revision(store, tmp_path, clock, change, counts):
    store.declare(Container("a"), "node1")
    before = store.listing().revision
    change(store)
    assert store.listing().revision == before + counts
    assert reopen(tmp_path, clock).listing().revision == before + counts


def test_everything_but_what_was_seen_survives_a_restart(store, tmp_path, clock):
    store.declare(Container("a", "nginx"), "node1")
    store.declare(Container("b"), None)
    store.beat("node1", {"a": UnitState("nginx", ready=True)})
    again = reopen(tmp_path, clock)
    assert again.listing().placed == store.listing().placed
    assert again.assignment("node1") == store.assignment("node1")
    assert again.listing().running == {}
    assert again.nodes() == ((), ("node1",), 0.0)


def test_a_store_made_anew_has_another_epoch(store, tmp_path, clock):
    other = tmp_path / "other"
    other.mkdir()
    assert reopen(other, clock).assignment("n").epoch != store.assignment("n").epoch
    assert reopen(other, clock).assignment("n").epoch == reopen(other, clock).assignment("n").epoch


def test_only_the_first_beat_of_a_node_is_written(store, tmp_path):
    store.beat("node1", {})
    before = {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    store.beat("node1", {})
    assert {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()} == before


def test_a_beat_makes_a_node_known_and_silence_takes_it_down(store, clock):
    store.beat("node2", None)
    clock.now_s += 1
    store.beat("node1", None)
    clock.now_s += LEASE_S - 0.5
    heard, _, uptime_s = store.nodes()
    assert [(node.name, node.silent_s, node.health) for node, _ in heard] == [
        ("node1", 2.5, Health.SUSPECT),
        ("node2", 3.5, Health.DOWN),
    ]
    assert uptime_s == 3.5


def test_who_ever_spoke_is_awaited_after_a_restart_until_it_speaks(store, tmp_path, clock):
    store.beat("node1", None)
    store.beat("node2", None)
    again = reopen(tmp_path, clock)
    assert again.nodes().awaited == ("node1", "node2")
    again.beat("node2", None)
    assert again.nodes().awaited == ("node1",)


def test_a_node_lives_though_its_name_cannot_be_written(store, tmp_path, clock):
    half = tmp_path / "pull.json.new"
    half.symlink_to("/dev/full")
    store.beat("node1", None)
    assert [node.name for node, _ in store.nodes().heard] == ["node1"]
    half.unlink()
    store.beat("node1", None)
    assert reopen(tmp_path, clock).nodes().awaited == ("node1",)


@pytest.mark.parametrize(
    ("node", "state", "running"),
    [
        pytest.param("node1", UnitState("demo", ready=True), True, id="ready where it was put"),
        pytest.param("node1", UnitState("demo", ready=False), False, id="started, not ready"),
        pytest.param("node1", UnitState("nginx", ready=True), False, id="from another image"),
        pytest.param("node2", UnitState("demo", ready=True), False, id="on another node"),
    ],
)
def test_running_is_what_the_right_node_says(store, node, state, running):
    store.declare(Container("a"), "node1")
    store.beat(node, {"a": state})
    assert store.listing().running == ({"a": "node1"} if running else {})


def test_running_is_forgotten_with_the_lease(store, clock):
    store.declare(Container("a"), "node1")
    store.beat("node1", {"a": UnitState("demo", ready=True)})
    clock.now_s += LEASE_S
    assert store.listing().running == {"a": "node1"}
    clock.now_s += 0.1
    assert store.listing().running == {}


def test_a_beat_without_a_report_keeps_the_last_report(store):
    store.declare(Container("a"), "node1")
    store.beat("node1", {"a": UnitState("demo", ready=True)})
    store.beat("node1", None)
    assert store.listing().running == {"a": "node1"}
    store.beat("node1", {})
    assert store.listing().running == {}
