"""The board: one fold for all pages, numbered, resumed by number."""

import json
import threading

import pytest

from lab.stage.board import KEPT, Board
from tests.waiting import wait_for


def data(event):
    kind, _, content = event.text.decode().strip().split("\n")
    return kind.removeprefix("event: "), json.loads(content.removeprefix("data: "))


@pytest.fixture
def board():
    found = Board("b")
    found.restart()
    return found


def test_the_first_event_is_a_snapshot_and_the_next_ones_are_deltas(board):
    board.publish({"a": 1, "b": 2}, 5.0)
    first = board.next("", 0)
    assert data(first) == ("snapshot", {"at_s": 5.0, "view": {"a": 1, "b": 2}})
    board.publish({"a": 1, "c": 3}, 6.0)
    assert data(board.next(first.id, 0)) == ("delta", {"at_s": 6.0, "set": {"c": 3}, "gone": ["b"]})


def test_who_missed_several_gets_all_of_them_as_one(board):
    board.publish({"a": 1, "b": 1}, 1.0)
    seen = board.next("", 0).id
    for number in range(2, 5):
        board.publish({"a": number, "b": 1}, float(number))
    assert data(board.next(seen, 0)) == ("delta", {"at_s": 4.0, "set": {"a": 4}, "gone": []})


def test_what_came_and_went_meanwhile_is_gone(board):
    board.publish({}, 1.0)
    seen = board.next("", 0).id
    board.publish({"x": 1}, 2.0)
    board.publish({}, 3.0)
    assert data(board.next(seen, 0)) == ("delta", {"at_s": 3.0, "set": {}, "gone": ["x"]})


def test_what_is_gone_for_long_is_forgotten_and_who_missed_it_gets_all(board):
    seen = ""
    for number in range(3 * KEPT):
        board.publish({f"event/{number}": number}, float(number))
        seen = seen or board.next("", 0).id
    assert len(board._numbers) <= KEPT + 1
    assert data(board.next(seen, 0))[0] == "snapshot"


def test_another_series_begins_with_a_snapshot(board):
    board.publish({"a": 1}, 50.0)
    seen = board.next("", 0).id
    board.restart()
    assert board.next(seen, 0) is None
    board.publish({"b": 1}, 1.0)
    assert data(board.next(seen, 0)) == ("snapshot", {"at_s": 1.0, "view": {"b": 1}})


@pytest.mark.parametrize("seen", ["b1/99", "b9/1", "b1/-1", "b1/²", "b1/", "nonsense", "b1/1e9"])
def test_an_unknown_id_gets_a_snapshot(board, seen):
    board.publish({"a": 1}, 1.0)
    board.publish({"a": 2}, 1.0)
    assert data(board.next(seen, 0))[0] == "snapshot"


def test_who_has_the_latest_waits_for_the_next(board):
    board.publish({"a": 1}, 1.0)
    seen = board.next("", 0).id
    assert board.next(seen, 0.01) is None
    got: list = []
    thread = threading.Thread(target=lambda: got.append(board.next(seen, 30)))
    thread.start()
    board.publish({"a": 2}, 2.0)
    thread.join(10)
    assert data(got[0])[1]["set"] == {"a": 2}


def test_a_close_ends_every_wait(board):
    got: list = []
    threads = [threading.Thread(target=lambda: got.append(board.next("", 30))) for _ in range(3)]
    for thread in threads:
        thread.start()
    board.close()
    wait_for(lambda: len(got) == 3, "all have ended", timeout_s=10)
    assert got == [None, None, None]
    assert board.closed


def test_ten_pages_cost_as_much_as_one(board, monkeypatch):
    made: list = []
    dumps = json.dumps

    def counted(value):
        made.append(value)
        return dumps(value)

    monkeypatch.setattr(json, "dumps", counted)
    board.publish({"a": 1}, 1.0)
    texts = {board.next("", 0).text for _ in range(10)}
    assert len(texts) == len(made) == 1
