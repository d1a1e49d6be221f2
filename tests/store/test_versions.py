"""Waiting for a topic: nobody sleeps through a change, and nobody wakes for another's."""

import threading
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.core.model import Container, UnitState
from services.lib.durable import UnwritableFile
from services.store import Store
from services.store.versions import Versions
from tests.store.conftest import DEADLINE_S, LEASE_S, in_threads
from tests.waiting import wait_for


class Waiting:
    """Threads that wait, each for one change of its topic."""

    def __init__(self, versions):
        self.versions = versions
        self.woken = {}
        self.threads = []

    def add(self, name, topic, timeout_s=3 * DEADLINE_S):
        version = self.versions.version(topic)

        def wait():
            self.woken[name] = self.versions.await_change(topic, version, timeout_s)

        self.threads.append(threading.Thread(target=wait))
        self.threads[-1].start()

    def all_asleep(self, count):
        wait_for(
            lambda: self.versions.watchers() == count,
            "all wait",
            timeout_s=DEADLINE_S,
            every_s=0.01,
        )

    def join(self):
        for thread in self.threads:
            thread.join(DEADLINE_S)
            assert not thread.is_alive(), "somebody sleeps through it"


@pytest.fixture
def versions():
    return Versions(5, most=100)


@pytest.fixture
def waiting(versions):
    waiting = Waiting(versions)
    yield waiting
    versions.close()
    waiting.join()


def test_a_topic_has_the_version_of_its_last_change_and_at_least_that_of_the_start(versions):
    versions.move(["a", "b"], 7)
    versions.move(["b"], 9)
    assert [versions.version(topic) for topic in "abc"] == [7, 9, 5]
    assert [versions.moved(topic, otherwise=2) for topic in "abc"] == [7, 9, 2]


@pytest.mark.parametrize("version", [4, 0, 6], ids=["old", "none", "of another store"])
def test_who_comes_with_another_version_does_not_wait(versions, version):
    began_s = time.monotonic()
    assert versions.await_change("a", version, DEADLINE_S) == 5
    assert time.monotonic() - began_s < DEADLINE_S / 2


def test_a_change_wakes_all_that_wait_for_its_topics_and_nobody_else(versions, waiting):
    for n in range(3):
        waiting.add(f"a{n}", "a")
    waiting.add("b", "b")
    waiting.add("c", "c")
    waiting.all_asleep(5)
    versions.move(["a", "c"], 8)
    waiting.all_asleep(1)
    wait_for(lambda: len(waiting.woken) == 4, "they say so", timeout_s=DEADLINE_S)
    assert waiting.woken == {"a0": 8, "a1": 8, "a2": 8, "c": 8}
    versions.move(["b"], 9)
    waiting.join()
    assert waiting.woken["b"] == 9
    assert versions.watchers() == 0


def test_who_waits_in_vain_gets_its_own_version_and_is_forgotten(versions):
    began_s = time.monotonic()
    assert versions.await_change("a", 5, 0.05) == 5
    assert time.monotonic() - began_s >= 0.05
    assert versions.watchers() == 0
    assert versions._waiters == {}


@pytest.mark.parametrize("timeout_s", [0, -1])
def test_no_time_to_wait_is_no_wait(versions, timeout_s):
    assert versions.await_change("a", 5, timeout_s) == 5


def test_closing_lets_all_go_and_nobody_waits_again(versions, waiting):
    waiting.add("a", "a")
    waiting.add("b", "b")
    waiting.all_asleep(2)
    versions.close()
    waiting.join()
    assert waiting.woken == {"a": 5, "b": 5}
    assert versions.await_change("a", 5, DEADLINE_S) == 5


def test_more_topics_than_are_remembered_are_all_said_to_have_changed(versions, waiting):
    versions.move(["old"], 6)
    waiting.add("old", "old")
    waiting.all_asleep(1)
    for n in range(100):
        versions.move([f"node/{n}"], 7 + n)
    waiting.join()
    assert waiting.woken == {"old": 106}
    assert versions.version("node/1") == versions.moved("node/1", otherwise=0) == 106
    assert len(versions._moved) <= 100
    assert versions.await_change("other", 5, DEADLINE_S) == 106


@settings(max_examples=30)
@given(st.lists(st.sampled_from("abc"), min_size=1, max_size=40), st.integers(1, 3))
def test_who_follows_a_topic_always_gets_to_its_last_change(moves, followers):
    versions = Versions(0, most=100)
    last = {
        topic: max((n for n, t in enumerate(moves, 1) if t == topic), default=0) for topic in "abc"
    }

    def follow(topic):
        version = 0
        while version != last[topic]:
            after = versions.await_change(topic, version, DEADLINE_S)
            assert after > version, "woken for nothing, or never"
            version = after

    def move():
        for revision, topic in enumerate(moves, 1):
            versions.move([topic], revision)

    in_threads(move, *(lambda t=t: follow(t) for t in "abc" * followers))
    assert versions.watchers() == 0


def test_a_thousand_that_wait_cost_no_processor_time_and_one_change_wakes_one(tmp_path):
    store = Store(tmp_path, lease_s=LEASE_S)
    store.declare(Container("a"), None)
    waiting = Waiting(store._engine.versions)
    for n in range(1000):
        waiting.add(n, f"node/n{n}")
    waiting.all_asleep(1000)
    spent_s = time.process_time()
    threading.Event().wait(0.5)
    assert time.process_time() - spent_s < 0.05
    revision = store.place("a", "n7", "").revision
    wait_for(lambda: waiting.woken, "it wakes", timeout_s=DEADLINE_S, every_s=0.01)
    assert waiting.woken == {7: revision}
    assert store.stats().watchers == 999
    store.release()
    waiting.join()


def test_a_change_is_told_only_when_it_is_on_disk_and_can_be_read(store, disk):
    version = store.version("node/node1")
    disk.hold()
    writer = threading.Thread(target=store.declare, args=(Container("a"), "node1"))
    writer.start()
    assert disk.busy.wait(DEADLINE_S)
    assert store.await_change("node/node1", version, 0.05) == version
    assert store.assignment("node1").containers == ()
    assert store.events(0).events == ()
    disk.go_on()
    after = store.await_change("node/node1", version, DEADLINE_S)
    assert after > version
    assert store.assignment("node1") == (store.epoch, after, (Container("a"),), LEASE_S)
    writer.join()


def test_what_was_seen_meanwhile_is_told_after_what_was_written_before(store, disk):
    """A reader of events that has read up to a revision must not miss a lower one."""
    store.beat("node1", {})
    since = store.events(0).revision
    disk.hold()
    writer = threading.Thread(target=store.declare, args=(Container("a"), "node1"))
    writer.start()
    assert disk.busy.wait(DEADLINE_S)
    store.beat("node1", {"a": UnitState("demo", ready=True)})
    assert store.events(since).events == ()
    disk.go_on()
    writer.join()
    kinds = [event.kind for event in store.events(since).events]
    assert kinds == ["wanted", "placed", "running"]
    assert store.version("containers") == store.events(0).revision


def test_what_was_seen_is_told_though_what_was_written_before_is_lost(store, disk):
    store.beat("node1", {})
    since = store.events(0).revision
    disk.hold()
    disk.full = True

    def declare():
        with pytest.raises(UnwritableFile):
            store.declare(Container("a"), "n")

    writer = threading.Thread(target=declare)
    writer.start()
    assert disk.busy.wait(DEADLINE_S)
    store.beat("node1", {"a": UnitState("demo", ready=True)})
    disk.go_on()
    assert store.await_change("events", since, DEADLINE_S) > since
    assert [event.kind for event in store.events(since).events] == ["running"]
    writer.join()
    disk.full = False
    assert store.declare(Container("a"), "n").revision > store.version("nodes")
