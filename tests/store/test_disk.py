"""What damage, full disks and older versions do to the store, and many threads to each other."""

import threading

import pytest

from services.core.model import Container, Health, UnitState
from services.lib.durable import DamagedFile, DurableFile, UnwritableFile
from services.store import Store
from services.store.numbers import BLOCK
from tests.store.conftest import LEASE_S, crashed, in_threads, reopen, told, where

READY = {"a": UnitState("demo", ready=True)}
B_ONLY = {"b": UnitState("demo", ready=True)}
BOTH = READY | B_ONLY


def test_a_loss_is_said_and_no_agent_takes_what_is_left_for_older(store, tmp_path, clock):
    for name in "abc":
        store.declare(Container(name), "n")
    agent_saw = store.assignment("n")
    again = crashed(tmp_path, clock, tmp_path / "after", lost_bytes=10)
    assert "journal" in again.problem
    assert where(again) == {"a": "n", "b": "n"}
    assert again.assignment("n").epoch == agent_saw.epoch
    assert again.assignment("n").revision > agent_saw.revision
    # It is where it was, and so is its revision.
    assert again.container("a") == store.container("a")
    assert reopen(tmp_path / "after", clock).problem == ""


def test_no_revision_comes_again_though_all_that_says_which_were_given_is_lost(
    store, tmp_path, clock, monkeypatch
):
    monkeypatch.setattr("os.fdatasync", lambda fd: None, raising=False)
    for turn in range(3 * BLOCK):
        store.beat("node1", READY if turn % 2 else {})
    # One byte is left of everything since the opening: no measure of what was there.
    again = crashed(tmp_path, clock, tmp_path / "after", lost_bytes=10**6)
    assert again.version("containers") > store.events(0).revision


def test_more_changes_than_a_block_has_numbers_get_no_number_twice(
    store, tmp_path, clock, monkeypatch
):
    monkeypatch.setattr("os.fdatasync", lambda fd: None, raising=False)
    store.beat("node1", {})
    given = [store.mark("node1", cordoned=n % 2 == 0).revision for n in range(BLOCK + 100)]
    assert given == sorted(set(given))
    again = reopen(tmp_path, clock)
    assert again.version("nodes") > given[-1]
    assert again.declare(Container("a"), None).revision > given[-1]


def test_files_that_are_all_damaged_are_never_taken_for_an_empty_store(store, tmp_path, clock):
    store.declare(Container("a"), None)
    for path in tmp_path.iterdir():
        path.write_bytes(b"0" * path.stat().st_size)
    with pytest.raises(DamagedFile):
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
        with pytest.raises(UnwritableFile):
            change()
        after = store.listing(), store.nodes(), store.assignment("node1"), store.events(0)
        assert after == before
    assert store.stats().trouble
    disk.full = False
    placed = store.place("a", "node2", "", expect=store.container("a").revision)
    assert where(store) == {"a": "node2"}
    assert placed.revision > before[0].revision
    assert store.stats().trouble == ""


def test_a_full_disk_takes_nobody_down_and_what_it_hid_is_told_later(store, clock, disk):
    store.declare(Container("a"), "node1")
    store.declare(Container("b"), "node1")
    store.beat("node1", BOTH)
    disk.full = True
    for turn in range(BLOCK + 200):
        store.beat("node1", BOTH if turn % 2 else B_ONLY)
    # No number is left for news by now, and none may be used that is not reserved.
    numbers = store._engine.numbers
    assert numbers.last == numbers._known()["reserved"]
    clock.now_s += LEASE_S
    store.beat("node1", {"c": UnitState("demo", ready=True)})
    clock.now_s += 1
    assert store.judge() <= LEASE_S
    assert store.node("node1")[0].health is Health.UP
    assert store.running_on("b") == "node1"
    clock.now_s += LEASE_S
    assert store.judge() <= LEASE_S
    # It can be seen, though nobody can be told.
    assert store.node("node1")[0].health is Health.DOWN
    assert store.running_on("b") is None
    assert not [event for event in told(store) if event[0] == "node-down"]
    disk.full = False
    since = store.events(0).revision
    clock.now_s += 1
    store.judge()
    assert [kind for kind, _, _ in told(store, since)] == ["node-down"]
    store.beat("node1", BOTH)
    assert store.running_on("a") == "node1"


def test_a_beat_without_news_writes_nothing_though_numbers_run_out(store, disk):
    store.beat("node1", {})
    for turn in range(BLOCK // 2):
        store.beat("node1", B_ONLY if turn % 2 else {})
    assert store._engine.numbers.is_low()
    asked = disk.asked
    store.beat("node1", B_ONLY)
    store.judge()
    assert disk.asked == asked
    store.beat("node1", {})
    assert disk.asked == asked + 1


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
            with store._lock():
                homes = [n for n in range(3) if store.assignment(f"node{n}").containers]
                assert len(homes) + len(store.unassigned().placed) == 1

    def move():
        for turn in range(60):
            store.place("a", None if turn % 4 == 3 else f"node{turn % 3}", "")
        done.set()

    in_threads(move, read, read)


def test_what_an_earlier_version_left_is_taken_over(tmp_path, clock):
    DurableFile(str(tmp_path / "pull.json")).save(
        {
            "wanted": {"1": {"name": "a", "image": "nginx"}, "2": {"name": "b", "image": "demo"}},
            "placed": {"1": {"name": "a", "node": "node1", "reason": "declared there"}},
            "spoke": {"1": {"name": "node1"}},
            "meta": {"1": {"epoch": "e1", "revision": 7}},
        }
    )
    store = Store(tmp_path, lease_s=LEASE_S, now_s=clock)
    assert where(store) == {"a": "node1", "b": None}
    assert store.container("a").container == Container("a", "nginx")
    assert store.assignment("node1") == ("e1", 7, (Container("a", "nginx"),), LEASE_S)
    assert store.nodes().awaited == ("node1",)
    assert not store.node("node1")[0].cordoned
    assert store.container("a").revision > 7
    assert store.place("b", "node1", "", expect=store.container("b").revision).revision > 8
    again = reopen(tmp_path, clock)
    assert where(again) == {"a": "node1", "b": "node1"}
    assert again.nodes().awaited == ("node1",)


def test_a_closed_store_refuses_changes_and_lets_its_watchers_go(store):
    store.declare(Container("a"), None)
    store.close()
    with pytest.raises(UnwritableFile):
        store.declare(Container("b"), None)
    assert store.await_change("containers", store.version("containers"), 20) > 0
