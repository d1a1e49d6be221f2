"""`lab demo`: three experiments, a line for each mode, and an exit code. On doubles."""

import json
from typing import Any

import pytest
from click.testing import CliRunner

from lab.bringup import bringup
from lab.cli import main
from lab.commands.demo import EXPERIMENTS
from lab.demo.presenter import StartOver
from lab.experiment import runner
from lab.experiment.pace import Waited
from services.core.errors import LabError
from tests.experiment.histories import healed, lost


def demo(*words):
    return CliRunner().invoke(main, ["demo", *words])


@pytest.fixture
def history(lab, monkeypatch):
    """Each run has the history `made`, and ends with the next of `errors`, if there is one."""
    given: dict[str, Any] = {"made": "", "errors": []}

    def run(experiment, under, folder, progress, pace, reset):
        lab.append(experiment.name)
        (folder / "history.jsonl").write_text(given["made"])
        pace.again("wait", Waited({"push": None, "pull": 3.0}, 12.0))
        if given["errors"]:
            raise given["errors"].pop(0)

    monkeypatch.setattr(runner, "run", run)
    return given


def text(made, end_s=36):
    made.end(end_s)
    return made.text()


def test_the_three_are_played_on_the_lab_as_it_is(lab, history):
    history["made"] = text(healed(checks={"repaired": True, "noticed": True}))
    done = demo()
    assert done.exit_code == 0, done.output
    assert lab == list(EXPERIMENTS.values())
    assert "self-healing    pull  as expected" in done.output
    assert "all runs again 6.0 s after the fault; the API said after 4.0 s" in done.output
    assert done.output.count("report.html") == 3


def test_one_can_be_played_alone(lab, history):
    history["made"] = text(healed(checks={"repaired": True}))
    assert demo("self-healing").exit_code == 0
    assert lab == ["node-failure"]


@pytest.mark.parametrize(
    ("made", "verdict", "code", "happened"),
    [
        (text(lost(checks={"repaired": False})), "expected", 0, "a did not run exactly once"),
        (text(lost(checks={"repaired": True})), "unexpected", 1, "a did not run exactly once"),
        (text(lost(checks={"repaired": False}))[:-9], "unknown", 1, "it has no end"),
    ],
)
def test_the_exit_code_is_zero_only_if_all_is_as_expected(
    lab, history, made, verdict, code, happened
):
    history["made"] = made
    done = demo("self-healing", "--json")
    assert done.exit_code == code, done.output
    seen = json.loads(done.stdout)
    assert seen["as_expected"] is (code == 0)
    (outcome,) = seen["outcomes"]
    assert outcome["verdict"] == verdict
    assert happened in outcome["happened"]
    assert outcome.keys() == {
        "demonstration", "mode", "verdict", "seconds", "happened", "evidence"
    }  # fmt: skip


def test_a_lab_that_is_not_whole_afterwards_is_no_success(lab, history):
    history["made"] = text(healed(checks={"repaired": True}))
    history["errors"] = [LabError("node1 hangs", hint="lab down")]
    done = demo("self-healing", "--json")
    assert done.exit_code == 1
    good, broken = json.loads(done.stdout)["outcomes"]
    assert good["verdict"] == "expected"
    assert good["seconds"] == 6.0
    assert broken == {
        "demonstration": "self-healing",
        "mode": "-",
        "verdict": "unknown",
        "seconds": None,
        "happened": "node1 hangs",
        "evidence": ["lab down"],
    }


def test_what_is_unexpected_is_what_is_told(lab, history):
    history["made"] = text(healed(checks={"repaired": True, "never-gone": True, "noticed": True}))
    done = demo("self-healing")
    assert done.exit_code == 1
    assert "a: ran nowhere, for 6.0 s at the longest" in done.output.splitlines()[-3]


def test_a_speaker_who_starts_over_gets_the_lab_reset_and_the_demonstration_again(lab, history):
    history["made"] = text(healed(checks={"repaired": True}))
    history["errors"] = [StartOver("again")]
    assert demo("self-healing").exit_code == 0
    assert lab == ["node-failure", "reset", "node-failure"]


def test_also_where_the_lab_could_not_be_healed_after_it(lab, history):
    history["made"] = text(healed(checks={"repaired": True}))
    unhealed = LabError("node1 hangs")
    unhealed.__context__ = StartOver("again")
    history["errors"] = [unhealed]
    assert demo("self-healing").exit_code == 0
    assert lab == ["node-failure", "reset", "node-failure"]


def test_an_error_of_one_takes_nothing_from_the_others(lab, history, monkeypatch):
    history["made"] = text(healed(checks={"repaired": True}))
    history["errors"] = [StartOver("again")]
    monkeypatch.setattr(bringup, "reset", lambda _: (_ for _ in ()).throw(LabError("no room")))
    done = demo("--json")
    assert done.exit_code == 1
    seen = [(one["demonstration"], one["happened"]) for one in json.loads(done.stdout)["outcomes"]]
    assert seen[0] == ("reconciliation", "no room")
    assert [name for name, _ in seen[1:]] == ["resilience", "self-healing"]


def test_after_ctrl_c_it_can_begin_with_the_one_that_was_played(lab, history):
    history["made"] = text(healed(checks={"repaired": True}))
    history["errors"] = [KeyboardInterrupt()]
    assert "lab demo --from reconciliation begins with this one again" in demo().output
    lab.clear()
    assert demo("--from", "resilience").exit_code == 0
    assert lab == ["resilience", "node-failure"]


def test_a_rehearsal_says_how_close_each_deadline_was(lab, history):
    history["made"] = text(healed(checks={"repaired": True}))
    done = demo("self-healing", "--rehearse")
    assert done.output.splitlines()[-1].split() == ["self-healing", "wait", "3.0", "12.0", "9.0"]
    found = json.loads(demo("self-healing", "--json").stdout)["waits"]
    assert [(one["took_s"], one["limit_s"]) for one in found] == [(3.0, 12.0)]


@pytest.mark.parametrize(
    "words",
    [
        ["nosuch"],
        ["--from", "nosuch"],
        ["--lang", "de"],
        ["resilience", "--from", "resilience"],
        ["--resume"],
        ["resilience", "--resume"],
        ["--resume", "--lang", "fr"],
        ["--resume", "--auto"],
    ],
)
def test_words_that_it_does_not_know_are_refused_before_anything_is_touched(lab, history, words):
    assert demo(*words).exit_code == 1
    assert lab == []
