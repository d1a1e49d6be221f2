"""Who has read events up to a revision never misses one with a lower one."""

import pytest

from services.store.events import EventLog, Happening
from services.store.feed import Feed
from services.store.versions import Versions

SEEN = (Happening("running", "a", "node1", ""),)
WRITTEN = (Happening("placed", "a", "node1", ""),)


class Lab:
    def __init__(self):
        self.log = EventLog((), 0, most=100)
        self.versions = Versions(0, most=100)
        self.recorded = []
        self.feed = Feed(self.versions, self.log, now_s=lambda: 1.0, record=self.recorded.extend)

    def told(self):
        events = self.log.since(0, 0).events
        assert self.recorded == list(events)
        return [event.revision for event in events]


@pytest.fixture
def lab():
    return Lab()


def test_what_is_seen_is_told_at_once_while_nothing_is_on_its_way(lab):
    lab.feed.volatile(1, SEEN, ["containers"])
    assert lab.told() == [1]
    assert (lab.versions.version("containers"), lab.versions.version("events")) == (1, 1)


def test_what_is_seen_waits_for_what_was_on_its_way_before(lab):
    lab.feed.expect(1)
    lab.feed.expect(2)
    lab.feed.volatile(3, SEEN, ["containers"])
    lab.feed.expect(4)
    lab.feed.volatile(5, SEEN, [])
    lab.feed.durable(1, WRITTEN, [])
    assert lab.told() == [1]
    assert lab.versions.version("containers") == 0
    lab.feed.durable(2, WRITTEN, [])
    assert lab.told() == [1, 2, 3]
    lab.feed.durable(4, WRITTEN, [])
    assert lab.told() == [1, 2, 3, 4, 5]


def test_what_is_seen_waits_for_nothing_that_is_lost(lab):
    lab.feed.expect(1)
    lab.feed.volatile(2, SEEN, [])
    lab.feed.lost(1)
    assert lab.told() == [2]
    lab.feed.lost(1)


def test_what_is_lost_and_did_not_say_so_yet_is_known_by_its_successor(lab):
    lab.feed.expect(1)
    lab.feed.volatile(2, SEEN, [])
    lab.feed.expect(3)
    lab.feed.durable(3, WRITTEN, [])
    lab.feed.volatile(4, SEEN, [])
    assert lab.told() == [2, 3, 4]


def test_a_change_without_events_moves_its_topics_and_not_that_of_events(lab):
    lab.feed.expect(1)
    lab.feed.durable(1, (), ["nodes"])
    assert (lab.versions.version("nodes"), lab.versions.version("events")) == (1, 0)
