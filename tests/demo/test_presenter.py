"""The talk: what is shown before a step, which keys go on, and what a missed deadline offers."""

import pytest

from lab.commands.demo import EXPERIMENTS
from lab.demo import presenter
from lab.demo.cue import Cue, Excerpt
from lab.demo.presenter import Presenter, Rehearsal, Slack, StartOver
from lab.experiment import parse, setting
from lab.experiment.pace import Waited

TALK = {"pull it": presenter.Line("I pull the plug.", "pull repairs it")}
TWO = {**TALK, "boot it": presenter.Line("It comes back.", "")}


def unasked():
    raise AssertionError("nothing is shown, so no command is needed")


class FakeDesk:
    """Stands in for lab.demo.cue.Desk: keys of a list, and every cue that was told."""

    def __init__(self, keys=()):
        self.left, self.told = list(keys), [Cue(("self-healing",), "both", "en")]

    @property
    def cue(self):
        return self.told[-1]

    def tell(self, **changed):
        self.told.append(self.cue._replace(**changed))

    def key(self):
        return self.left.pop(0)


def speaker(*keys, language="en", recorded=None, resume="", talk=None):
    """A presenter, whose speaker presses `keys`; what was shown, and the desk."""
    shown: list[str] = []
    desk = FakeDesk(keys)
    given = (talk or TALK, language, shown.append, desk, lambda _: recorded, resume)
    return Presenter(*given), shown, desk


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
    one, _, desk = speaker("x", "w", key, "not read")
    one.before("pull it", str)
    assert desk.left == ["not read"]


def test_ctrl_c_ends_it():
    one, _, _ = speaker("\x1b", "\x03")
    with pytest.raises(KeyboardInterrupt):
        one.before("pull it", str)


def test_so_does_a_terminal_that_is_gone():
    def gone():
        raise EOFError

    one, _, desk = speaker()
    desk.key = gone
    with pytest.raises(KeyboardInterrupt):
        one.before("pull it", str)


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


def test_all_see_what_is_shown_and_which_keys_can_be_pressed_now():
    one, _, desk = speaker("\r", "w", talk=TWO)
    one.before("pull it", lambda: "lab chaos cut node1")
    one.before("wait", unasked)
    one.again("wait", MISSED)
    seen = [(cue.stop, cue.step, cue.keys, cue.missed_s) for cue in desk.told[1:]]
    assert seen == [
        ("pull it", "pull it", ("on",), None),
        ("pull it", "pull it", (), None),
        ("pull it", "wait", (), None),
        ("pull it", "wait", ("wait", "reset", "on"), 12.0),
        ("pull it", "wait", (), None),
    ]
    stop = desk.told[1]
    assert (stop.say, stop.command) == ("I pull the plug.", "lab chaos cut node1")
    assert (stop.expect, stop.then) == ("pull repairs it", "It comes back.")


EXCERPT = Excerpt("runs/1", 3.0, 9.0)


def test_a_missed_deadline_can_be_shown_as_it_was_recorded_and_then_be_waited_for():
    one, shown, desk = speaker("p", "w", recorded=EXCERPT)
    assert one.again("wait", MISSED) is True
    assert [cue.recorded for cue in desk.told] == [None, None, EXCERPT, None]
    # A second tap on a phone does not begin it again.
    assert desk.told[2].keys == ("wait", "reset", "on")
    assert "p: play this step as it was recorded" in shown[0]
    assert "runs/1" in shown[1]


def test_without_a_recorded_step_none_is_offered():
    one, shown, desk = speaker("p", "\r")
    assert one.again("wait", MISSED) is False
    assert desk.left == []
    assert "recorded" not in shown[0]


def test_what_was_shown_before_is_not_shown_again():
    one, shown, desk = speaker("\r", talk=TWO, resume="boot it")
    one.before("pull it", unasked)
    assert one.again("wait", MISSED) is False
    assert shown == []
    one.before("boot it", str)
    assert len(shown) == 1
    # Ended before that, it goes on at the step that the desk was given.
    assert [cue.stop for cue in desk.told[:2]] == ["", ""]


def test_a_reset_comes_back_to_the_step_that_was_missed():
    one, shown, _ = speaker("\r", "\r", "r", "\r", talk=TWO)
    one.before("pull it", str)
    one.before("boot it", str)
    with pytest.raises(StartOver):
        one.again("wait", MISSED)
    del shown[:]
    one.before("pull it", unasked)
    one.before("boot it", str)
    assert shown == ["\nSAY       It comes back."]


def test_a_step_that_the_talk_has_no_more_is_not_waited_for():
    one, shown, _ = speaker("\r", resume="gone")
    one.before("pull it", str)
    assert len(shown) == 1


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
