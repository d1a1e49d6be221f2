"""A recorded step on the page of a live lab: labelled, once, and then live again."""

from types import SimpleNamespace

import pytest

from lab.demo.cue import Excerpt
from lab.stage import screen
from lab.stage.board import Board
from lab.stage.opening import Feed
from lab.stage.player import Player
from tests.stage.browsing import Written, made
from tests.stage.made import heard
from tests.stage.phones import STOP, playing_demo
from tests.waiting import wait_for


@pytest.fixture
def desk(tmp_path, monkeypatch):
    with playing_demo(tmp_path / "state", monkeypatch) as one:
        one.tell(**STOP)
        yield one


def folder(path, one):
    path.mkdir()
    return Written(path, one)


@pytest.fixture
def recorded(tmp_path):
    """A run in which node1 loses its power at 41 s, and its end is at 60 s."""
    return folder(tmp_path / "recorded", heard(made().machine(41, "node1", "off"), 60)).folder


class Show:
    """The stage of a live lab, step by step."""

    def __init__(self, live):
        self.live = SimpleNamespace(source=live.source())
        self.board, self.clock_s = Board("t"), 0.0
        self.player = Player(self.board, Feed(live=self.live).pick, {"control": {"faults": []}})

    def view(self):
        self.clock_s += 1
        self.player.step(self.clock_s)
        return self.board.latest()[0]


@pytest.fixture
def show(tmp_path):
    return Show(folder(tmp_path / "live", made()))


def test_it_plays_what_was_asked_for_once_and_goes_back(desk, show, recorded):
    assert show.view()["run"]["recorded"] is False
    desk.tell(recorded=Excerpt(str(recorded), 40.5, 41.5))
    view = show.view()
    assert view["run"]["recorded"] is True
    assert screen.text(view, 40.5).startswith("RECORDED")
    # It begins where the step does: the plug is still in, and what ran before is known.
    assert view.get("machine/node1") != "off"
    assert view["runs/pull/node1"]["containers"] == ["a"]
    # What is not there can be neither moved nor broken.
    assert view["control"] is None
    assert "replay" not in view
    wait_for(lambda: show.view().get("machine/node1") == "off", "the plug is pulled", timeout_s=20)
    wait_for(lambda: not show.view()["run"]["recorded"], "it is live again", timeout_s=20)
    view = show.view()
    assert view.get("machine/node1") != "off"
    assert view["runs/pull/node1"]["containers"] == ["a"]
    assert view["control"] == {"faults": []}
    assert show.view()["run"]["recorded"] is False


def test_the_next_key_ends_it_and_asked_for_again_it_begins_again(desk, show, recorded):
    for _ in range(2):
        desk.tell(recorded=Excerpt(str(recorded), 40.0, 60.0))
        assert show.view()["run"]["recorded"] is True
        desk.tell(recorded=None)
        assert show.view()["run"]["recorded"] is False


def test_what_the_lab_did_meanwhile_is_shown_then(desk, tmp_path, recorded):
    live = folder(tmp_path / "live", made())
    show = Show(live)
    show.view()
    desk.tell(recorded=Excerpt(str(recorded), 40.0, 60.0))
    live.made.machine(9, "node2", "paused")
    live.write()
    assert show.view().get("machine/node2") != "paused"
    desk.tell(recorded=None)
    assert show.view()["machine/node2"] == "paused"


def test_a_demonstration_that_was_killed_meanwhile_leaves_the_stage_live(
    tmp_path, monkeypatch, show, recorded
):
    with playing_demo(tmp_path / "s", monkeypatch, ends=False) as desk:
        desk.tell(recorded=Excerpt(str(recorded), 40.0, 60.0))
        assert show.view()["run"]["recorded"] is True
    assert show.view()["run"]["recorded"] is False


@pytest.mark.parametrize("text", [None, "", "torn"])
def test_a_recording_that_cannot_be_read_changes_nothing(desk, show, tmp_path, text):
    if text is not None:
        (tmp_path / "history.jsonl").write_text(text)
    desk.tell(recorded=Excerpt(str(tmp_path), 40.0, 60.0))
    for _ in range(2):
        assert show.view()["run"]["recorded"] is False
