"""Playing demonstrations leaves the lab whole, whatever happens."""

import io

import pytest

from lab.demo import play
from lab.demo.verdict import RECONCILIATION, RESILIENCE, Outcome, Verdict, succeeded
from lab.terminal.progress import Progress
from services.core.errors import LabError


class Recorder:
    """A playground that only remembers what was asked of it."""

    modes = ("push", "pull")

    def __init__(self):
        self.calls = []
        self.said = []

    def say(self, text):
        self.said.append(text)

    def heal(self):
        self.calls.append("heal")

    def prepare(self):
        self.calls.append("prepare")

    def clear(self):
        self.calls.append("clear")


def good(playground):
    playground.calls.append("play")
    return [Outcome(RECONCILIATION, "push", "stayed", 9.0, Verdict.EXPECTED)]


def broken(playground):
    raise LabError("ssh broke")


def interrupted(playground):
    raise KeyboardInterrupt


def run(playground, monkeypatch, **plays):
    monkeypatch.setattr(play, "PLAYS", plays)
    return play.run(playground, list(plays), Progress(io.StringIO()))


def test_the_lab_is_healed_before_and_after_and_cleared_in_the_end(monkeypatch):
    playground = Recorder()
    outcomes = run(playground, monkeypatch, one=good)
    assert playground.calls == ["heal", "prepare", "play", "heal", "clear"]
    assert succeeded(outcomes)


def test_an_error_is_unknown_and_the_next_demonstration_goes_on(monkeypatch):
    playground = Recorder()
    outcomes = run(playground, monkeypatch, **{RESILIENCE: broken, RECONCILIATION: good})
    assert [o.verdict for o in outcomes] == [Verdict.UNKNOWN, Verdict.UNKNOWN, Verdict.EXPECTED]
    assert playground.calls == ["heal", "prepare", "heal", "prepare", "play", "heal", "clear"]


def test_ctrl_c_heals_and_clears_on_the_way_out(monkeypatch):
    playground = Recorder()
    with pytest.raises(KeyboardInterrupt):
        run(playground, monkeypatch, one=interrupted, two=good)
    assert playground.calls == ["heal", "prepare", "heal", "clear"]


def test_clearing_up_that_fails_hides_nothing_and_is_not_success(monkeypatch):
    playground = Recorder()
    monkeypatch.setattr(playground, "clear", lambda: broken(playground))
    outcomes = run(playground, monkeypatch, one=good)
    assert outcomes[0].verdict is Verdict.EXPECTED
    assert outcomes[1:] == [Outcome("clear up", "-", "ssh broke", None, Verdict.UNKNOWN)]
    assert not succeeded(outcomes)
    assert playground.said == ["ssh broke"]


def test_a_lab_that_is_not_whole_after_the_last_demonstration_is_not_success(monkeypatch):
    playground = Recorder()
    heals = iter([None, LabError("node1 hangs", hint="lab down")])

    def heal():
        if error := next(heals):
            raise error

    monkeypatch.setattr(playground, "heal", heal)
    outcomes = run(playground, monkeypatch, one=good)
    assert [(o.demonstration, o.verdict) for o in outcomes] == [
        (RECONCILIATION, Verdict.EXPECTED),
        ("heal after one", Verdict.UNKNOWN),
    ]
    assert outcomes[1].evidence == ("lab down",)
    assert playground.calls[-1] == "clear"
