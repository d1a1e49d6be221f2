"""From a source to the board: coalesced, alive, and another snapshot for another source."""

import json

import pytest

from lab.stage.board import Board
from lab.stage.player import Player
from tests.stage.made import Made, heard


class Feed:
    """A source that a test fills."""

    recorded = False

    def __init__(self, made, damage=()):
        self.damage = damage
        self.items = list(made.records)
        self.moves, self.at_s = 0, 0.0

    def due(self):
        items, self.items = self.items, []
        return self.moves, items

    def now_s(self):
        return self.at_s

    def extra(self):
        return {"replay": self.moves}


class Stage:
    """A player on a board; events: what a page has got."""

    def __init__(self, feed):
        self.feed, self.board, self.seen = feed, Board("t"), ""
        self.player = Player(self.board, lambda: self.feed, {"control": 1})

    def step(self, clock_s):
        """What the page gets after a step of the player: None: nothing."""
        self.player.step(clock_s)
        event = self.board.next(self.seen, 0)
        if event is None:
            return None
        self.seen = event.id
        kind, _, data = event.text.decode().strip().split("\n")
        return kind.removeprefix("event: "), json.loads(data.removeprefix("data: "))


@pytest.fixture
def stage():
    return Stage(Feed(heard(Made(), 1)))


def test_the_first_view_comes_at_once_with_the_keys_that_are_not_of_the_history(stage):
    kind, data = stage.step(0.0)
    assert kind == "snapshot"
    assert (data["view"]["control"], data["view"]["replay"]) == (1, 0)


def test_without_a_source_or_a_beginning_nothing_is_published(stage):
    feed, stage.feed = stage.feed, None
    assert stage.step(0.0) is None
    stage.feed = feed
    feed.items = feed.items[1:]
    assert stage.step(1.0) is None


def test_changes_of_a_moment_come_as_one(stage):
    stage.step(0.0)
    stage.feed.items = heard(Made(), 5).records[-1:]
    assert stage.step(0.1) is None
    stage.feed.items = Made().machine(6, "node1", "paused").records[-1:]
    _, data = stage.step(0.2)
    assert {"heard/node3", "machine/node1"} <= data["set"].keys()


def test_where_nothing_changes_a_page_hears_so_once_a_second(stage):
    stage.step(0.0)
    assert [stage.step(tenth / 10) for tenth in range(1, 10)] == [None] * 9
    assert stage.step(1.0) == ("delta", {"at_s": 0.0, "set": {}, "gone": []})


def test_another_source_or_a_move_begins_with_a_snapshot(stage):
    stage.step(0.0)
    stage.feed = Feed(Made().machine(1, "node1", "off"))
    kind, data = stage.step(0.3)
    assert (kind, data["view"]["machine/node1"]) == ("snapshot", "off")
    stage.feed.moves = 1
    stage.feed.items = Made().records
    kind, data = stage.step(0.6)
    assert kind == "snapshot"
    assert "machine/node1" not in data["view"]


def test_damage_is_shown(stage):
    stage.feed = Feed(Made(), damage=["line 9: torn"])
    stage.feed.items.append("line 3: torn")
    _, data = stage.step(0.0)
    assert data["view"]["run"]["damage"] == ["line 9: torn", "line 3: torn"]
