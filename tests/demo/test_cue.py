"""The desk: what is in the file, and which presses of a phone are keys."""

import json
import os
import select

import pytest

from lab import paths
from lab.demo import cue
from lab.demo.cue import Cue, Excerpt
from lab.terminal import keyboard

CUE = Cue(("resilience", "self-healing"), "both", "fr")


@pytest.fixture
def desk(tmp_path, monkeypatch):
    """A desk at which nothing is typed; without a press it is EOF."""

    def pressed(pipe):
        if not select.select([pipe], [], [], 0)[0]:
            raise EOFError

    monkeypatch.setattr(paths, "STATE", tmp_path)
    monkeypatch.setattr(keyboard, "key", pressed)
    with cue.desk(CUE) as one:
        yield one


def test_what_is_told_can_be_read_and_is_another_moment_each_time(desk):
    said = "<b>l'été\n\"'"
    desk.tell(step="wait", say=said, keys=("wait", "on"), missed_s=9.5, recorded=Excerpt("f", 1, 2))
    first = desk.cue
    assert cue.read() == first
    assert (first.say, first.recorded) == (said, Excerpt("f", 1.0, 2.0))
    desk.tell()
    assert desk.cue.id != first.id
    assert cue.read() == desk.cue


@pytest.mark.parametrize(
    "change", [{"names": 5}, {"recorded": "x"}, {"missed_s": "x"}, {"id": None, "keys": None}]
)
def test_a_file_that_is_torn_or_not_ours_says_nothing(desk, tmp_path, change):
    file = tmp_path / "demo/cue.json"
    desk.tell()
    whole = file.read_text()
    for text in ("", "[]", "{}", whole[:-9], json.dumps({**json.loads(whole), **change})):
        file.write_text(text)
        assert cue.read() is None


def test_a_demonstration_runs_as_long_as_its_process_reads_the_keys(desk, tmp_path):
    assert cue.running() is None
    desk.tell()
    assert cue.running() == desk.cue
    os.close(desk._pipe)
    assert cue.running() is None
    assert cue.read() == desk.cue
    # As the process ends, so that the fixture can.
    desk._pipe = os.open(tmp_path / "demo/keys", os.O_RDWR)


@pytest.mark.parametrize(
    ("word", "key"), [("on", "\r"), ("wait", "w"), ("recorded", "p"), ("reset", None), ("x", None)]
)
def test_a_phone_presses_what_is_offered_and_never_a_reset(desk, word, key):
    desk.tell(keys=("on", "wait", "recorded", "reset"))
    cue.press(desk.cue.id, word)
    if key is None:
        with pytest.raises(EOFError):
            desk.key()
    else:
        assert desk.key() == key


def test_a_press_for_another_moment_or_of_what_is_not_offered_is_no_key(desk):
    desk.tell(keys=("on",))
    cue.press(desk.cue.id, "on")
    desk.tell(keys=("on",))
    cue.press("other", "on")
    cue.press(desk.cue.id, "wait")
    with pytest.raises(EOFError):
        desk.key()


def test_without_a_demonstration_a_press_is_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "STATE", tmp_path)
    cue.press("any", "on")
    assert list(tmp_path.iterdir()) == []


def test_others_of_this_computer_neither_read_nor_press(desk, tmp_path):
    desk.tell()
    modes = {file.name: file.stat().st_mode & 0o777 for file in (tmp_path / "demo").iterdir()}
    assert modes == {"cue.json": 0o600, "keys": 0o600}
    assert (tmp_path / "demo").stat().st_mode & 0o777 == 0o700
