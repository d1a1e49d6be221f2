"""`lab bench converge` without VMs: where in a period runs begin, and what is read of a node."""

import io
import time
from types import SimpleNamespace
from typing import ClassVar

import pytest

from lab.bench import converge, phase
from lab.bench.playground import busiest, places, victims
from lab.bench.stats import Summary
from lab.bringup import bringup
from lab.terminal.progress import Progress
from lab.waiting import TookTooLong
from services.core.errors import LabError
from services.core.profiles import PROFILES

# As journalctl --output=short-unix prints what happens to a stray: ours, systemd's, its own.
JOURNAL = """\
1764025500.100000 systemd[1]: Starting pull-container@fake.service - Container fake...
1764025500.900000 python3[812]: fake serves on 10001
1764025501.000000 systemd[1]: Started pull-container@fake.service - Container fake.
1764025504.200000 systemd[1]: Stopping pull-container@fake.service - Container fake...
1764025504.500000 systemd[1]: pull-container@fake.service: Deactivated successfully.
1764025504.600000 systemd[1]: Stopped pull-container@fake.service - Container fake.
"""


def test_the_life_of_a_stray_is_read_off_the_node_s_own_clock():
    assert phase.lived_s(JOURNAL) == pytest.approx(4.5)


@pytest.mark.parametrize(
    "journal", ["", JOURNAL.splitlines()[0], "".join(JOURNAL.splitlines(True)[:-1])]
)
def test_a_life_that_has_not_ended_has_no_length(journal):
    assert phase.lived_s(journal) is None


def test_runs_begin_at_parts_of_the_period_that_are_spread_evenly():
    assert [phase.fraction(run, 1) for run in (1,)] == [0.5]
    parts = [phase.fraction(run, 4) for run in (1, 2, 3, 4)]
    assert parts == [0.125, 0.375, 0.625, 0.875]


SHOWN = "InactiveExitTimestampMonotonic={began_us}\n{uptime_s} 3.2\n"


def _began(ago_s, name="seed"):
    """A playground whose service began its last pass `ago_s` seconds ago."""
    shown = SHOWN.format(began_us=round((500 - ago_s) * 1e6), uptime_s=500.0)
    return SimpleNamespace(command=lambda *_: shown, profile=PROFILES[name])


@pytest.mark.parametrize(
    ("profile", "period_s", "part", "ago_s", "slept_s"),
    [
        pytest.param("seed", 5, 0.5, 0, 2.6, id="seed: half a period and half a pass"),
        pytest.param("seed", 5, 0.5, 2, 0.6, id="seed: some of it is over"),
        pytest.param("seed", 5, 0.5, 3, 4.8, id="seed: too late for this cycle"),
        pytest.param("fast", 0.25, 0.5, 1, 4.225, id="fast: the middle of a watch"),
        pytest.param("fast", 0.25, 0.99, 0, 10.3455, id="fast: between two passes"),
    ],
)
def test_a_run_begins_at_its_part_of_the_cycle(
    lab, vms, monkeypatch, profile, period_s, part, ago_s, slept_s
):
    slept: list[float] = []
    monkeypatch.setattr(time, "sleep", slept.append)
    playground = _began(ago_s, profile)
    phase.await_phase(playground, lab.api, "pull-scheduler.service", part, period_s)
    assert slept == [pytest.approx(slept_s)]


def test_a_loop_that_does_not_turn_is_an_error(lab, vms):
    with pytest.raises(LabError, match="on api last began 60 s ago"):
        phase.await_phase(_began(60), lab.api, "pull-scheduler.service", 0.5, 5)


class FakePlayground:
    """Remembers what it was asked; stands in for lab.bench.playground.Playground."""

    calls: ClassVar[list[str]] = []

    def __init__(self, lab, profile, say):
        self.lab, self.profile = lab, profile
        self.calls.append(profile.name)

    def __getattr__(self, name):
        return lambda: self.calls.append(name)


@pytest.fixture
def bench(lab, monkeypatch):
    """Call converge.measure over doubles; returns its result. calls: what the playground did."""
    FakePlayground.calls = []
    ups = []
    monkeypatch.setattr(converge, "Playground", FakePlayground)
    monkeypatch.setattr(bringup, "up", lambda mode, name, _: ups.append((mode, name)))
    monkeypatch.setattr(converge, "cpu_s_per_minute", lambda playground, node, runs: [3.0] * runs)

    def measure(play, runs, *only):
        monkeypatch.setattr(converge, "TITLES", {"it": "it (s)", "idle": "idle"})
        monkeypatch.setattr(converge, "MEASURES", {"it": play})
        progress = Progress(io.StringIO())
        return converge.measure(lab, ["push", "pull"], ["seed", "fast"], runs, progress, only)

    return SimpleNamespace(measure=measure, ups=ups, calls=FakePlayground.calls)


def test_every_profile_is_measured_at_every_part_of_the_period(bench):
    results = bench.measure(lambda playground, part: part * playground.profile.agent_s, 2)
    assert results["it (s)"] == {
        "seed": Summary(2, 2.5, 1.25, 3.75),
        "fast": Summary(2, 0.125, 0.0625, 0.1875),
    }
    assert results["idle"]["seed"] == Summary(2, 3.0, 3.0, 3.0)
    assert bench.ups == [("both", "seed"), ("both", "fast")]
    assert bench.calls == [
        word for name in ("seed", "fast") for word in (name, "heal", "prepare", "heal", "clear")
    ]


def test_a_measurement_that_fails_leaves_the_lab_whole(bench):
    def broken(playground, part):
        raise TookTooLong("fake is gone", 9, False, "")

    with pytest.raises(TookTooLong):
        bench.measure(broken, 1)
    assert bench.calls[-2:] == ["heal", "clear"]


def test_what_is_not_asked_for_is_not_measured(bench):
    results = bench.measure(lambda playground, part: 1.0, 20, "it")
    assert results.keys() == {"it (s)"}
    assert results["it (s)"]["fast"].runs == 20


def test_measurements_have_names_with_their_unit():
    assert all(title.endswith(")") for title in converge.TITLES.values())


def test_places_turn_nodes_into_containers():
    assert places({"node1": ["a", "b"], "node2": ["a"]}) == {
        "a": ("node1", "node2"),
        "b": ("node1",),
    }


def test_the_node_that_loses_its_power_has_most_of_our_containers(lab):
    where = {
        "bench-1": ("node1",), "bench-2": ("node2",), "bench-3": ("node2",), "web": ("node3",)
    }  # fmt: skip
    assert busiest(where, lab.nodes).name == "node2"
    assert victims(where, "node2") == ("bench-2", "bench-3")
    with pytest.raises(LabError, match="no node runs"):
        busiest({"web": ("node1",)}, lab.nodes)
