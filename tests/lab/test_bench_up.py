"""`lab bench up`: which lab each scenario starts from, and that it was that scenario."""

import json
from pathlib import Path

import pytest

from lab import paths
from lab.bench import boot
from lab.bench.stats import Summary
from lab.bringup import bringup, look
from lab.bringup.plan import MODES, Found, Saved
from lab.commands import bench_up
from lab.snapshot import saving


class FakeBringup:
    """A lab that is up or not, kept or not; each call takes the phases of the real one."""

    def __init__(self):
        self.calls = []
        self.running = False
        self.kept = None
        self.thaws = True

    def initial(self):
        if self.kept is None:
            return None
        mode, profile = self.kept
        return Saved(Path("up"), MODES[mode], profile, initial=True)

    def down(self, progress):
        self.calls.append("down")
        self.running = False

    def up(self, mode, profile, progress, *, cold=False):
        self.calls.append("cold" if cold else "up")
        if self.running:
            return self._take(progress, "answer")
        self.running = True
        if self.kept == (mode, profile) and self.thaws and not cold:
            return self._take(progress, "verify", "thaw", "answer")
        self.kept = (mode, profile)
        return self._take(progress, "boot", "provision", "answer", "freeze")

    def reset(self, progress):
        assert self.running
        self.calls.append("reset")
        self._take(progress, "verify", "thaw", "answer")

    def goto(self, kept, name, progress):
        assert self.running
        assert name in kept.names()
        self.calls.append("goto")
        self._take(progress, "verify", "thaw", "answer")

    def save(self, kept, name, note, progress):
        self.calls.append("save")
        (kept.folder / name).mkdir(parents=True)
        (kept.folder / name / "manifest.json").touch()

    def _take(self, progress, *phases):
        for phase in phases:
            with progress.phase(phase):
                pass


@pytest.fixture
def fake(monkeypatch, vms, tmp_path):
    fake = FakeBringup()
    for name in ("down", "up", "reset", "goto"):
        monkeypatch.setattr(bringup, name, getattr(fake, name))
    monkeypatch.setattr(saving, "save", fake.save)
    monkeypatch.setattr(look, "look", lambda _: Found({}, initial=fake.initial()))
    monkeypatch.setattr(paths, "STATE", tmp_path)
    return fake


def measured(result):
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)["seconds"]


def test_scenarios_take_turns_and_each_starts_from_what_it_is_about(run, fake):
    seconds = measured(run("bench", "up", "--runs", "2", "--json"))
    once = ["down", "cold", "up", "down", "up", "up", "reset", "up"]
    assert fake.calls == [*once, "save", "goto", *once, "goto"]
    assert list(seconds) == list(bench_up.SCENARIOS)
    assert {phases["all answer"]["runs"] for phases in seconds.values()} == {2}
    assert "freeze" in seconds["cold"]
    assert seconds["cold"]["all answer"]["median"] <= seconds["cold"]["total"]["median"]


def test_the_bench_leaves_no_chapter_and_takes_what_a_killed_one_left(run, fake, tmp_path):
    (tmp_path / "bench/start").mkdir(parents=True)
    (tmp_path / "bench/start/manifest.json").touch()
    measured(run("bench", "up", "--runs", "1", "--only", "goto", "--json"))
    assert "save" in fake.calls
    assert not (tmp_path / "bench").exists()


def test_a_thaw_alone_first_makes_the_lab_that_it_thaws(run, fake):
    measured(run("bench", "up", "--runs", "1", "--only", "thaw", "--mode", "pull", "--json"))
    assert fake.calls == ["down", "up", "down", "up"]
    assert fake.kept == ("pull", "fast")


def test_a_lab_that_was_kept_in_another_mode_is_not_what_is_thawed(run, fake):
    fake.kept = ("push", "fast")
    measured(run("bench", "up", "--runs", "1", "--only", "thaw", "--json"))
    assert fake.kept == ("both", "fast")


def test_a_thaw_that_was_a_boot_is_no_measurement_of_a_thaw(run, fake):
    fake.thaws = False
    result = run("bench", "up", "--runs", "1", "--only", "thaw")
    assert result.exit_code == 1
    assert "no thaw: it had no phase 'thaw', only boot, provision, answer" in result.stderr


def test_a_scenario_that_does_not_exist_is_refused(run, fake):
    result = run("bench", "up", "--only", "warm")
    assert "use one of: cold, thaw, reset, goto" in result.output
    assert fake.calls == []


def test_the_command_offers_the_scenarios_that_exist():
    assert tuple(boot.SCENARIOS) == bench_up.SCENARIOS


def test_the_table_has_a_column_a_scenario_and_ends_with_what_all_have():
    cold = {"boot": Summary(2, 25.0, 24.0, 26.0), "all answer": Summary(2, 43.0, 42.0, 44.0)}
    thaw = {"thaw": Summary(2, 1.5, 1.0, 2.0), "all answer": Summary(2, 4.0, 3.0, 5.0)}
    total = {"total": Summary(2, 50.0, 50.0, 50.0)}
    lines = bench_up.as_text({"cold": cold | total, "thaw": thaw | total}).splitlines()
    assert lines[0].split() == ["median", "(least-most),", "s", "cold", "thaw"]
    assert [line.split()[0] for line in lines[1:]] == ["boot", "thaw", "all", "total"]
    assert lines[1].split()[1:] == ["25.0", "(24.0-26.0)", "-"]
    assert lines[3].split()[2:] == ["43.0", "(42.0-44.0)", "4.00", "(3.00-5.00)"]
