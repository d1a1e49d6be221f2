"""`lab demo --resume`: on a terminal, with a process that really ends."""

import json
import signal

import pytest

from lab.demo.cue import Cue
from tests.demo.terminal import terminal

PLUG, BOOT = "pull the plug of the busiest node", "boot it again"
WAITS = "wait until the node is up"


def left(folder):
    return json.loads((folder / "demo/cue.json").read_text())


def test_what_was_killed_in_a_step_goes_on_there_in_its_own_language(tmp_path):
    with terminal(tmp_path, "demo", "self-healing", "--lang", "fr", HANGS=WAITS) as one:
        one.says("DIRE      Chaque plan")
        one.types("\r")
        one.says("DIRE      La machine revient.")
        one.types(" ")
        one.says(f"played {WAITS}")
        one.process.send_signal(signal.SIGKILL)
        assert one.ends() == -signal.SIGKILL
    assert left(tmp_path)["stop"] == BOOT
    with terminal(tmp_path, "demo", "--resume") as one:
        before = one.says("DIRE      La machine revient.")
        assert "DIRE" not in before
        assert f"played {PLUG}" in before
        assert f"played {BOOT}" not in before
        one.types("\r")
        assert one.ends() == 0
        assert f"played {BOOT}" in one.screen
    assert list((tmp_path / "demo").iterdir()) == []


def test_killed_while_it_catches_up_it_still_goes_on_there(tmp_path):
    with terminal(tmp_path, "demo", "self-healing", HANGS=BOOT) as one:
        for _ in range(2):
            one.says("SAY")
            one.types("\r")
        one.says(f"played {BOOT}")
    for _ in range(2):
        with terminal(tmp_path, "demo", "--resume", HANGS=PLUG) as one:
            one.says(f"played {PLUG}")
        assert left(tmp_path)["stop"] == BOOT


@pytest.mark.parametrize("ends", ["typed", "signal", "closed"])
def test_ctrl_c_and_a_closed_terminal_leave_a_place_to_go_on(tmp_path, ends):
    with terminal(tmp_path, "demo", "--from", "resilience") as one:
        one.says("SAY")
        if ends == "closed":
            one.close()
        elif ends == "typed":
            one.types("\x03")
        else:
            one.process.send_signal(signal.SIGINT)
        assert one.ends() != 0
        assert ends == "closed" or "lab demo --resume goes on at this step" in one.screen
    place = left(tmp_path)
    assert (place["names"], place["stop"]) == (["resilience", "self-healing"], "stop the API")
    with terminal(tmp_path, "demo", "--resume") as one:
        one.says("SAY       Now I stop both APIs.")


def test_without_a_place_to_go_on_it_says_so(tmp_path):
    (tmp_path / "demo").mkdir()
    place = Cue(("no such demonstration",), "both", "en")._asdict()
    (tmp_path / "demo/cue.json").write_text(json.dumps(place))
    with terminal(tmp_path, "demo", "--resume") as one:
        assert one.ends() == 1
        assert "Error: no demonstration was ended in the middle" in one.screen


def test_a_missed_deadline_resets_to_the_step_and_plays_what_was_recorded(tmp_path):
    with terminal(tmp_path, "demo", "self-healing", "--auto") as one:
        assert one.ends() == 0
    with terminal(tmp_path, "demo", "self-healing", MISSED=WAITS) as one:
        for _ in range(2):
            one.says("SAY")
            one.types("\r")
        assert "p: play this step as it was recorded" in one.says("Enter: go on")
        one.types("p")
        one.says("The stage plays what was recorded: ")
        folder, from_s, to_s = left(tmp_path)["recorded"]
        assert folder.startswith(str(tmp_path / "runs/node-failure"))
        assert (from_s, to_s) == (7.0, 35.0)
        one.types("r")
        one.says("the lab was reset")
        assert "SAY" not in one.says("SAY       The machine comes back.")
