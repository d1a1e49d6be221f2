"""The doubles of a run, for all tests of this folder."""

import pytest

from lab import paths
from lab.bringup import bringup
from lab.experiment import runner
from lab.faults import ledger
from lab.planes import modes
from services.core.errors import LabError
from services.core.profiles import profile
from tests.experiment.doubles import world
from tests.experiment.histories import Made

__all__ = ["world"]


@pytest.fixture
def lab(monkeypatch, tmp_path):
    """A lab in both modes. Returns the list of what was done to it."""
    done = []
    monkeypatch.setattr(paths, "RUNS", tmp_path / "runs")
    monkeypatch.setattr(paths, "SHARED", tmp_path)
    monkeypatch.setattr(ledger, "folder", lambda: tmp_path / "faults")
    monkeypatch.setattr(modes, "on", lambda _: ["push", "pull"])
    monkeypatch.setattr(modes, "profile", lambda _: profile("fast"))
    monkeypatch.setattr(bringup, "reset", lambda _: done.append("reset"))
    monkeypatch.setattr(bringup, "up", lambda mode, name, _: done.append(f"up {mode} {name}"))

    def run(experiment, under, folder, progress, pace, reset):
        done.append(f"{experiment.name} {','.join(under.modes)} {under.seed} {folder.name}")
        (folder / "history.jsonl").write_text(Made(checks={}).text())
        if reset:
            reset(progress)
        if experiment.name == "node-paused":
            raise LabError("a machine hangs", hint="lab heal")

    monkeypatch.setattr(runner, "run", run)
    return done
