"""What damage, full disks and older versions do to the store, and many threads to each other."""

import shutil
import threading

import pytest

from services.core.errors import LabError
from services.core.model import Container, Health, UnitState
from services.state import Limits, RevisionConflict, Unavailable
from tests.state.conftest import LEASE_S, crashed, in_threads, reopen, told, where
from tests.states import open_state

READY = {"a": UnitState("demo", ready=True)}
B_ONLY = {"b": UnitState("demo", ready=True)}
BOTH = READY | B_ONLY


def test_a_loss_is_said_and_no_agent_takes_what_is_left_for_older(store, tmp_path, clock):
    for name in "abc":
        store.declare(Container(name), "n")
    agent_saw = store.assignment("n")
    again = crashed(tmp_path, clock, tmp_path / "after", lost_bytes=10)
    assert "torn" in again._keys.problem
    assert where(again) == {"a": "n", "b": "n"}
    assert again.assignment("n").epoch == agent_saw.epoch
    assert again.assignment("n").revision > agent_saw.revision
    # It is where it was, and so is its revision.
    assert again.container("a") == store.container("a")
    assert reopen(tmp_path / "after", clock)._keys.problem == ""


def test_no_revision_comes_again_though_all_that_says_which_were_given_is_lost(
    store, tmp_path, clock, monkeypatch
):
    monkeypatch.setattr("os.fdatasync", lambda fd: None, raising=False)
    for turn in range(1000):
        store.beat("node1", READY if turn % 2 else {})
    # One byte is left of everything since the opening: no measure of what was there.
    again = crashed(tmp_path, clock, tmp_path / "after", lost_bytes=10**6)
    assert again.version("containers") > store.events(0).revision


def test_a_copy_that_is_put_back_gives_no_number_twice(store, tmp_path, clock):
    """Nor does it take a revision from its future for one of its own."""
    store.declare(Container("a"), "node1")
    shutil.copytree(tmp_path, tmp_path / "copy")
    given = [store.place("a", f"node{n}", "").revision for n in range(50)]
    again = reopen(tmp_path / "copy", clock)
    assert again.version("containers") > given[-1]
    with pytest.raises(RevisionConflict):
        again.place("a", "node9", "", expect=given[0])
    assert again.events(10**17).truncated
    assert again.place("a", "node9", "").revision > given[-1]


def test_files_that_are_all_damaged_are_never_taken_for_an_empty_store(store, tmp_path, clock):
    store.declare(Container("a"), None)
    for path in tmp_path.iterdir():
        path.write_bytes(b"0" * path.stat().st_size)
    with pytest.raises(LabError, match="can be used"):
        reopen(tmp_path, clock)


def test_a_change_that_cannot_be_written_did_not_happen(store, disk):
    store.beat("node1", {})
    store.declare(Container("a"), "node1")
    before = store.listing(), store.nodes(), store.assignment("node1"), store.events(0)
    disk.full = True
    for change in (
        lambda: store.declare(Container("b"), "node1"),
        lambda: store.put(Container("a", "nginx")),
        lambda: store.place("a", "node2", ""),
        lambda: store.mark("node1", cordoned=True),
        lambda: store.remove("a"),
    ):
        with pytest.raises(Unavailable):
            change()
        after = store.listing(), store.nodes(), store.assignment("node1"), store.events(0)
        assert after == before
    assert store.trouble()
    disk.full = False
    placed = store.place("a", "node2", "", expect=store.container("a").revision)
    assert where(store) == {"a": "node2"}
    assert placed.revision > before[0].revision
    assert store.trouble() == ""


def test_a_full_disk_takes_no_node_down_and_what_is_seen_is_told(store, clock, disk):
    store.declare(Container("a"), "node1")
    store.declare(Container("b"), "node1")
    store.beat("node1", BOTH)
    disk.full = True
    for turn in range(200):
        store.beat("node1", BOTH if turn % 2 else B_ONLY)
    clock.now_s += LEASE_S
    store.beat("node1", BOTH)
    clock.now_s += 1
    assert store.judge() <= LEASE_S
    assert store.node("node1")[0].health is Health.UP
    assert store.running_on("b") == "node1"
    since = store.events(0).revision
    clock.now_s += LEASE_S
    assert store.judge() <= LEASE_S
    assert store.node("node1")[0].health is Health.DOWN
    assert store.running_on("b") is None
    assert [kind for kind, _, _ in told(store, since)] == ["node-down"]
    disk.full = False
    store.place("a", "node2", "")
    assert [kind for kind, _, _ in told(store, since)] == ["node-down", "placed"]


def test_a_full_disk_takes_no_node_down_while_there_are_too_many_events(tmp_path, clock, disk):
    limits = Limits(events=5)
    store = open_state(tmp_path, lease_s=LEASE_S, now_s=clock, offload=disk, limits=limits)
    store.beat("node1", {})
    disk.full = True
    for turn in range(20):
        store.beat("node1", READY if turn % 2 else {})
    clock.now_s += LEASE_S + 1
    assert store.node("node1")[0].health is Health.DOWN
    disk.full = False
    for _ in range(5):
        store.declare(Container("a"), None)
        store.remove("a")
    assert len(store.events(0).events) <= 7


def test_what_was_seen_while_the_disk_was_full_is_on_it_with_the_next_change(
    store, tmp_path, clock, disk
):
    store.beat("node1", {})
    disk.full = True
    store.beat("node1", BOTH)
    with pytest.raises(Unavailable):
        store.declare(Container("a"), None)
    disk.full = False
    store.declare(Container("a"), None)
    kinds = [kind for kind, _, _ in told(reopen(tmp_path, clock))]
    assert kinds == ["node-up", "running", "running", "wanted"]


def test_many_threads_lose_nothing_and_no_revision_is_given_twice(store, tmp_path, clock):
    given: list[int] = []

    def work(thread: int) -> None:
        for n in range(10):
            given.append(store.declare(Container(f"c{thread}-{n}"), None).revision)
            given.append(store.place(f"c{thread}-{n}", f"node{thread}", "").revision)
            store.beat(f"node{thread}", {f"c{thread}-{n}": UnitState("demo", ready=True)})

    in_threads(*(lambda t=t: work(t) for t in range(6)))
    assert len(set(given)) == 6 * 10 * 2
    expected = {f"c{thread}-{n}": f"node{thread}" for thread in range(6) for n in range(10)}
    assert where(store) == where(reopen(tmp_path, clock)) == expected
    revisions = [event.revision for event in store.events(0).events]
    assert revisions == sorted(revisions)
    assert set(given) < set(revisions)


def test_readers_never_see_half_of_a_change(store):
    """A container is in one place: nowhere, or on exactly one node."""
    store.declare(Container("a"), "node0")
    done = threading.Event()

    def read():
        while not done.is_set():
            placed = store.listing().placed
            assert len(placed) == 1
            with store._view.reading():
                homes = [n for n in range(3) if store.assignment(f"node{n}").containers]
                assert len(homes) + len(store.unassigned().placed) == 1

    def move():
        for turn in range(60):
            store.place("a", None if turn % 4 == 3 else f"node{turn % 3}", "")
        done.set()

    in_threads(move, read, read)


@pytest.mark.parametrize("name", ["pull.json", "checkpoint-00000001", "journal-00000001"])
def test_the_state_of_another_version_is_refused_and_stays(tmp_path, clock, name):
    (tmp_path / name).write_text("what it wrote")
    with pytest.raises(LabError, match="another version") as caught:
        open_state(tmp_path, lease_s=LEASE_S, now_s=clock)
    assert "mv" in caught.value.hint
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_a_closed_store_refuses_changes_and_lets_its_watchers_go(store):
    store.declare(Container("a"), None)
    store.close()
    with pytest.raises(Unavailable):
        store.declare(Container("b"), None)
    assert store.await_change("containers", store.version("containers"), 20) > 0
