"""The talk: what is shown before a step, which keys go on, and what a missed deadline offers."""

import pytest

from lab.commands.demo import EXPERIMENTS
from lab.demo import presenter
from lab.demo.presenter import Presenter, Rehearsal, Slack, StartOver
from lab.experiment import parse, setting
from lab.experiment.pace import Waited

TALK = {"pull it": presenter.Line("I pull the plug.", "pull repairs it")}


def unasked():
    raise AssertionError("nothing is shown, so no command is needed")


def speaker(*keys, language="en"):
    """A presenter, whose speaker presses `keys`; and what was shown."""
    shown: list[str] = []
    left = list(keys)
    return Presenter(TALK, language, shown.append, lambda: left.pop(0)), shown, left


def test_before_a_step_stand_what_to_say_to_do_and_to_expect():
    one, shown, _ = speaker("\r")
    one.before("pull it", lambda: "lab chaos cut node1")
    assert shown == [
        "\nSAY       I pull the plug.\nDO        lab chaos cut node1\nEXPECT    pull repairs it"
    ]


def test_a_step_without_a_line_does_not_stop():
    one, shown, _ = speaker()
    one.before("wait", unasked)
    assert shown == []


@pytest.mark.parametrize("key", ["\r", "\n", " ", "\x1b[C", "\x1bOC", "\x1b[6~"])
def test_enter_space_and_the_keys_of_a_clicker_go_on(key):
    one, _, left = speaker("x", "w", key, "not read")
    one.before("pull it", str)
    assert left == ["not read"]


def test_ctrl_c_ends_it():
    one, _, _ = speaker("\x1b", "\x03")
    with pytest.raises(KeyboardInterrupt):
        one.before("pull it", str)


def test_so_does_a_terminal_that_is_gone():
    def gone():
        raise EOFError

    with pytest.raises(KeyboardInterrupt):
        Presenter(TALK, "en", print, gone).before("pull it", str)


MISSED = Waited({"push": None, "pull": None}, 12.0)


def test_a_missed_deadline_is_waited_for_again_or_not_as_the_speaker_says():
    one, shown, _ = speaker("x", "w", "\r")
    assert one.again("wait", MISSED) is True
    assert one.again("wait", MISSED) is False
    assert shown[0].startswith("pull is not done after 12 s.")


def test_a_missed_deadline_can_start_the_demonstration_over():
    one, _, _ = speaker("r")
    with pytest.raises(StartOver):
        one.again("wait", MISSED)


@pytest.mark.parametrize("took_s", [{"push": None, "pull": 3.0}, {"push": None}])
def test_that_push_repairs_nothing_is_no_missed_deadline(took_s):
    one, shown, _ = speaker()
    assert one.again("wait", Waited(took_s, 12.0)) is False
    assert shown == []


def test_a_rehearsal_takes_note_of_what_pull_needed_and_stops_nowhere():
    waits: list[Slack] = []
    one = Rehearsal("self-healing", waits)
    one.before("pull it", unasked)
    assert one.again("wait", Waited({"push": None, "pull": 3.0}, 12.0)) is False
    assert one.again("gone", Waited({"pull": None}, 5.0)) is False
    assert one.again("push alone", Waited({"push": 1.0}, 5.0)) is False
    assert waits == [
        Slack("self-healing", "wait", 3.0, 12.0),
        Slack("self-healing", "gone", None, 5.0),
    ]


@pytest.mark.parametrize("language", presenter.LANGUAGES)
@pytest.mark.parametrize("name", EXPERIMENTS.values())
def test_every_demonstration_has_a_talk_about_steps_that_it_has(name, language):
    talk = presenter.load(name, language)
    steps = [step["name"] for step in parse.load(parse.find(name), setting.known()).method]
    assert talk
    assert [step for step in steps if step in talk] == list(talk)
    assert all(line.say for line in talk.values())
    assert any(line.expect for line in talk.values())


def test_an_experiment_without_a_talk_has_none():
    assert presenter.load("node-paused", "en") == {}
