"""Playing demonstrations leaves the lab whole, whatever happens."""

import io

import pytest

from lab.demo import play
from lab.demo.verdict import RECONCILIATION, RESILIENCE, Outcome, Verdict, succeeded
from lab.terminal.progress import Progress
from services.core.errors import LabError


class Recorder:
    """A stage that only remembers what was asked of it."""

    modes = ("push", "pull")

    def __init__(self):
        self.calls = []
        self.said = []

    def say(self, text):
        self.said.append(text)

    def heal(self):
        self.calls.append("heal")

    def set(self):
        self.calls.append("set")

    def clear(self):
        self.calls.append("clear")


def good(stage):
    stage.calls.append("play")
    return [Outcome(RECONCILIATION, "push", "stayed", 9.0, Verdict.EXPECTED)]


def broken(stage):
    raise LabError("ssh broke")


def interrupted(stage):
    raise KeyboardInterrupt


def run(stage, monkeypatch, **plays):
    monkeypatch.setattr(play, "PLAYS", plays)
    return play.run(stage, list(plays), Progress(io.StringIO()))


def test_the_lab_is_healed_before_and_after_and_cleared_in_the_end(monkeypatch):
    stage = Recorder()
    outcomes = run(stage, monkeypatch, one=good)
    assert stage.calls == ["heal", "set", "play", "heal", "clear"]
    assert succeeded(outcomes)


def test_an_error_is_unknown_and_the_next_demonstration_goes_on(monkeypatch):
    stage = Recorder()
    outcomes = run(stage, monkeypatch, **{RESILIENCE: broken, RECONCILIATION: good})
    assert [o.verdict for o in outcomes] == [Verdict.UNKNOWN, Verdict.UNKNOWN, Verdict.EXPECTED]
    assert stage.calls == ["heal", "set", "heal", "set", "play", "heal", "clear"]


def test_ctrl_c_heals_and_clears_on_the_way_out(monkeypatch):
    stage = Recorder()
    with pytest.raises(KeyboardInterrupt):
        run(stage, monkeypatch, one=interrupted, two=good)
    assert stage.calls == ["heal", "set", "heal", "clear"]


def test_clearing_up_that_fails_hides_nothing_and_is_not_success(monkeypatch):
    stage = Recorder()
    stage.clear = lambda: broken(stage)
    outcomes = run(stage, monkeypatch, one=good)
    assert outcomes[0].verdict is Verdict.EXPECTED
    assert outcomes[1:] == [Outcome("clear up", "-", "ssh broke", None, Verdict.UNKNOWN)]
    assert not succeeded(outcomes)
    assert stage.said == ["ssh broke"]


def test_a_lab_that_is_not_whole_after_the_last_demonstration_is_not_success(monkeypatch):
    stage = Recorder()
    heals = iter([None, LabError("node1 hangs", hint="lab down")])

    def heal():
        if error := next(heals):
            raise error

    stage.heal = heal
    outcomes = run(stage, monkeypatch, one=good)
    assert [(o.demonstration, o.verdict) for o in outcomes] == [
        (RECONCILIATION, Verdict.EXPECTED),
        ("heal after one", Verdict.UNKNOWN),
    ]
    assert outcomes[1].evidence == ("lab down",)
    assert stage.calls[-1] == "clear"
