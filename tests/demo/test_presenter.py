"""The talk: what is shown before a step, which keys go on, and what a missed deadline offers."""

import pytest

from lab.commands.demo import EXPERIMENTS
from lab.demo import presenter
from lab.demo.presenter import Presenter, Rehearsal, Slack, StartOver
from lab.experiment import parse, setting

TALK = {"pull it": presenter.Line("I pull the plug.", "pull repairs it")}


def speaker(*keys, language="en"):
    """A presenter, whose speaker presses `keys`; and what was shown."""
    shown: list[str] = []
    left = list(keys)
    return Presenter(TALK, language, shown.append, lambda: left.pop(0)), shown, left


def test_before_a_step_stand_what_to_say_to_do_and_to_expect():
    one, shown, _ = speaker("\r")
    one.before("pull it", "lab chaos cut node1")
    assert shown == [
        "\nSAY       I pull the plug.\nDO        lab chaos cut node1\nEXPECT    pull repairs it"
    ]


def test_a_step_without_a_line_does_not_stop():
    one, shown, _ = speaker()
    one.before("wait", "")
    assert shown == []


@pytest.mark.parametrize("key", ["\r", "\n", " ", "\x1b[C", "\x1b[6~"])
def test_enter_space_and_the_keys_of_a_clicker_go_on(key):
    one, _, left = speaker("x", "w", key, "not read")
    one.before("pull it", "")
    assert left == ["not read"]


@pytest.mark.parametrize("key", ["\x03", "\x04", "\x1b"])
def test_ctrl_c_and_escape_end_it(key):
    one, _, _ = speaker(key)
    with pytest.raises(KeyboardInterrupt):
        one.before("pull it", "")


def test_a_missed_deadline_is_waited_for_again_or_not_as_the_speaker_says():
    one, shown, _ = speaker("x", "w", "\r")
    assert one.again("wait", {"push": None, "pull": None}, 12.0) is True
    assert one.again("wait", {"push": None, "pull": None}, 12.0) is False
    assert shown[0].startswith("pull is not there after 12 s.")


def test_a_missed_deadline_can_start_the_demonstration_over():
    one, _, _ = speaker("r")
    with pytest.raises(StartOver):
        one.again("wait", {"pull": None}, 12.0)


@pytest.mark.parametrize("took_s", [{"push": None, "pull": 3.0}, {"push": None}])
def test_that_push_repairs_nothing_is_no_missed_deadline(took_s):
    one, shown, _ = speaker()
    assert one.again("wait", took_s, 12.0) is False
    assert shown == []


def test_a_rehearsal_takes_note_of_what_pull_needed_and_stops_nowhere():
    one = Rehearsal()
    one.before("pull it", "lab chaos cut node1")
    assert one.again("wait", {"push": None, "pull": 3.0}, 12.0) is False
    assert one.again("gone", {"pull": None}, 5.0) is False
    assert one.again("push alone", {"push": 1.0}, 5.0) is False
    assert one.waits == [Slack("wait", 3.0, 12.0), Slack("gone", None, 5.0)]


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
