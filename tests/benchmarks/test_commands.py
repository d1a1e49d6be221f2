"""`python -m benchmarks`: its commands, and that a baseline leaves nothing behind."""

import json

import pytest
from click.testing import CliRunner

from benchmarks.__main__ import main
from benchmarks.baseline import build, scenarios, twin
from benchmarks.baseline.scenarios import BASELINE, COLD, SCENARIOS
from lab import paths
from lab.bench import boot
from lab.bench.boot import ANSWERED, TOTAL
from lab.bench.stats import Summary
from lab.bringup import bringup
from lab.host import virsh
from services.core.errors import LabError


def run(*words):
    return CliRunner().invoke(main, words)


@pytest.fixture
def calls(monkeypatch, tmp_path):
    """What was done to the lab and to the baseline, in order."""
    for folder in ("RUN", "SHARED", "STATE"):
        monkeypatch.setattr(paths, folder, tmp_path / folder)
    done = []
    for module, name in (
        (bringup, "down"), (build, "build"),
        (twin, "prepare"), (twin, "check"), (twin, "clear"),
    ):  # fmt: skip
        monkeypatch.setattr(module, name, lambda *_, name=name, **__: done.append(name))
    monkeypatch.setattr(scenarios, "prepare", lambda *_: done.append("libvirt"))
    monkeypatch.setattr(twin, "up", lambda: done.append("vagrant up"))
    monkeypatch.setattr(virsh, "answers", lambda: True)
    return done


def test_both_take_turns_and_neither_is_there_while_the_other_is_measured(calls, monkeypatch):
    def up(mode, profile, progress, *, cold):
        assert cold
        calls.append("cold")
        for phase in ("boot", "answer"):
            with progress.phase(phase):
                pass

    monkeypatch.setattr(bringup, "up", up)
    result = run("baseline", "--runs", "2", "--json")
    assert result.exit_code == 0, result.output
    once = ["down", "libvirt", "build", "prepare", "vagrant up", "check", "clear", "down", "cold"]
    assert calls == [*once, *once]
    assert list(json.loads(result.stdout)["seconds"]) == [BASELINE, COLD] == list(SCENARIOS)


def test_a_run_that_fails_deletes_its_machines_and_names_the_remedy(calls, monkeypatch):
    def fail():
        raise LabError("no vagrant", hint="lab doctor")

    monkeypatch.setattr(twin, "up", fail)
    result = run("baseline")
    assert result.exit_code == 1
    assert result.stderr.endswith("Error: no vagrant\nHint: lab doctor\n")
    assert calls[-2:] == ["libvirt", "clear"]


def test_what_a_killed_run_left_can_be_deleted_alone(calls):
    assert run("baseline", "--clear").exit_code == 0
    assert calls == ["libvirt", "clear"]


def test_the_table_ends_with_how_much_is_saved(calls, monkeypatch):
    def seconds(value):
        return {phase: Summary(1, value, value, value) for phase in (ANSWERED, TOTAL)}

    found = {BASELINE: seconds(90.0), COLD: seconds(30.0)}
    monkeypatch.setattr(boot, "measure", lambda *_: found)
    assert run("baseline").stdout.endswith("baseline / cold: 3.00x\n")
    assert json.loads(run("baseline", "--json").stdout)["baseline / cold"] == 3


@pytest.mark.parametrize("words", [[], ["baseline"], ["server"]], ids=" ".join)
def test_each_command_helps(words):
    assert run(*words, "--help").exit_code == 0
