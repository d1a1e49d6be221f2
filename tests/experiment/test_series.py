"""Several experiments, several runs, and what `lab run` answers, on doubles."""

import pytest
from click.testing import CliRunner

from lab import paths
from lab.cli import main
from lab.experiment import parse, runner, series, setting
from lab.experiment.series import Options
from lab.faults import ledger
from lab.planes import modes
from lab.terminal.progress import Progress
from services.core.errors import LabError
from tests.experiment.histories import healed

OPTIONS = Options("both", None, 1, 7)


def load(*names):
    return [parse.load(parse.find(name), setting.known()) for name in names]


def play(names, options=OPTIONS):
    return list(series.play(load(*names), options, Progress()))


def test_one_experiment_begins_with_the_lab_as_it_is(lab):
    ((folder, error),) = play(["node-failure"])
    assert error is None
    assert lab == ["node-failure push,pull 7 1"]
    assert folder.parent == paths.RUNS / "node-failure"
    assert (paths.RUNS / "node-failure/latest").resolve() == folder.resolve()


def test_the_lab_is_asked_for_its_modes_once_and_again_after_a_reset(lab, monkeypatch):
    asked = []

    def on(_):
        asked.append(len(lab))
        return ["push", "pull"]

    monkeypatch.setattr(modes, "on", on)
    play(["node-failure"], OPTIONS._replace(runs=2))
    assert asked == [0]
    play(["node-failure", "node-failure"])
    assert asked == [0, 2, 3]


def test_runs_lie_beside_each_other_each_with_a_seed_of_its_own(lab):
    ((folder, _),) = play(["node-failure"], OPTIONS._replace(runs=3))
    assert lab == [f"node-failure push,pull {7 + number} {number + 1}" for number in range(3)]
    assert sorted(path.name for path in folder.iterdir()) == ["1", "2", "3"]


def test_of_several_each_begins_and_ends_with_a_thawed_lab_and_an_error_stops_none(lab):
    ledger.folder().mkdir()
    (ledger.folder() / "0a1b.json").write_text("{}")
    errors = [str(p.error) for p in play(["node-failure", "node-paused", "node-failure"])]
    assert errors == ["None", "a machine hangs", "None"]
    failure, paused = "node-failure push,pull 7 1", "node-paused push,pull 7 1"
    # After an error it is not known what the lab is like.
    assert lab == ["reset", failure, "reset", paused, "reset", "reset", failure, "reset"]
    assert list(ledger.folder().iterdir()) == []


def test_another_profile_is_switched_to_once(lab):
    play(["node-failure"], OPTIONS._replace(profile="seed"))
    assert lab[0] == "up both seed"


def test_a_mode_about_which_nothing_is_said_is_refused_before_anything_is_touched(lab):
    (one,) = load("node-failure")
    expected = {"pull": one.document["expected"]["pull"]}
    silent = one._replace(document={**one.document, "expected": expected})
    with pytest.raises(LabError, match="says nothing about push"):
        list(series.play([silent], OPTIONS._replace(mode="push"), Progress()))
    assert lab == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "which experiment?"),
        (["nosuch"], "no experiment 'nosuch'"),
        (["--all", "node-failure"], "two wishes"),
        (["node-failure", "--mode", "neither"], "unknown mode"),
    ],
)
def test_what_cannot_be_played_is_no_verdict(lab, words, said):
    done = CliRunner().invoke(main, ["run", *words])
    assert said in done.output
    assert done.exit_code == (1 if "mode" in said else 2)
    assert lab == []


def test_a_run_that_ended_early_is_reported_and_unknown(lab):
    done = CliRunner().invoke(main, ["run", "node-paused", "--seed", "3"])
    assert done.exit_code == 2, done.output
    assert "node-paused did not go through: a machine hangs (lab heal)" in done.output
    assert "report.html" in done.output


def test_a_lab_that_could_not_be_healed_afterwards_is_no_success(lab, monkeypatch):
    def run(experiment, under, folder, progress, pace, reset):
        made = healed(checks={"repaired": True})
        made.end(36)
        (folder / "history.jsonl").write_text(made.text())
        raise LabError("node1 hangs")

    monkeypatch.setattr(runner, "run", run)
    done = CliRunner().invoke(main, ["run", "node-failure"])
    assert done.exit_code == 2, done.output
    assert "made: as expected" in done.output
