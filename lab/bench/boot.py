"""`lab bench up`: how long until all services answer, phase by phase, in several scenarios.

Runs are interleaved: a machine that gets slower meanwhile does so for all scenarios alike.
"""

import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import NamedTuple

from lab import paths
from lab.bench.stats import Summary, by_name, summary
from lab.bringup import bringup, look, plan
from lab.bringup.watchdog import watched
from lab.snapshot import saving
from lab.snapshot.initial import Request
from lab.snapshot.store import Store
from lab.terminal.progress import Progress
from provisioning import topology as topology_file
from services.core.errors import LabError

# From the start of the command to its end, and to the moment when all services answer.
TOTAL = "total"
ANSWERED = "all answer"

Results = dict[str, dict[str, Summary]]


class Scenario(NamedTuple):
    """One way to a lab. before: makes what it starts from, unmeasured. act: what is measured.

    phases: without which it was not this scenario that was measured; the last one ends when all
    services answer.
    """

    title: str
    before: Callable[["Bench"], None]
    act: Callable[["Bench", Progress], object]
    phases: tuple[str, ...]


class Bench(NamedTuple):
    """What one measurement is about. chapters: a store of its own, gone afterwards."""

    request: Request
    chapters: Store
    progress: Progress


def measure(
    request: Request, scenarios: Mapping[str, Scenario], runs: int, progress: Progress
) -> Results:
    """Take `runs` runs of each of `scenarios`; return scenario -> phase -> seconds.

    What was declared in the lab is lost. Leaves a lab that is up; an error or Ctrl-C ends the
    whole measurement.
    """
    found: dict[str, list[dict[str, float]]] = {name: [] for name in scenarios}
    with _chapters() as chapters:
        bench = Bench(request, chapters, progress)
        for run in range(1, runs + 1):
            for name, scenario in scenarios.items():
                progress(f"run {run} of {runs}: {name}, {scenario.title}")
                found[name].append(once(bench, name, scenario))
    return {name: _summaries(values) for name, values in found.items()}


def once(bench: Bench, name: str, scenario: Scenario) -> dict[str, float]:
    """Take one run of `scenario`; return phase -> seconds. Raises LabError if it was another."""
    scenario.before(bench)
    measured = watched()
    began_s = time.monotonic()
    scenario.act(bench, measured)
    total_s = time.monotonic() - began_s
    for phase in scenario.phases:
        if phase not in measured.seconds:
            took = ", ".join(measured.seconds)
            raise LabError(
                f"this was no {name}: it had no phase {phase!r}, only {took}",
                hint="the lines above say why; lab bench up --only cold measures without it",
            )
    answered_s = measured.ended_s[scenario.phases[-1]]
    return measured.seconds | {ANSWERED: answered_s, TOTAL: total_s}


def _summaries(runs: Sequence[dict[str, float]]) -> dict[str, Summary]:
    summaries = {phase: summary(values) for phase, values in by_name(runs).items()}
    return {phase: found for phase, found in summaries.items() if found is not None}


@contextmanager
def _chapters() -> Iterator[Store]:
    """A store that no chapter of the user's is in; what a killed bench left there goes first."""
    own = Store(paths.STATE / "bench", "chapter of the bench")
    shutil.rmtree(own.folder, ignore_errors=True)
    try:
        yield own
    finally:
        shutil.rmtree(own.folder, ignore_errors=True)


def _nothing(bench: Bench) -> None:
    bringup.down(bench.progress)


def _nothing_but_a_frozen_lab(bench: Bench) -> None:
    _a_frozen_lab(bench)
    bringup.down(bench.progress)


def _a_frozen_lab(bench: Bench) -> None:
    """A lab that is up, and whose initial lab runs what is asked for."""
    saved = look.look(topology_file.load()).initial
    wanted = (plan.MODES[bench.request.mode], bench.request.profile)
    if saved is None or (saved.modes, saved.profile) != wanted:
        bringup.down(bench.progress)
    bringup.up(*bench.request, bench.progress)


def _a_chapter(bench: Bench) -> None:
    _a_frozen_lab(bench)
    if "start" not in bench.chapters.names():
        saving.save(bench.chapters, "start", "", bench.progress)


SCENARIOS = {
    "cold": Scenario(
        "lab up from nothing, from a present box",
        _nothing,
        lambda bench, progress: bringup.up(*bench.request, progress, cold=True),
        ("boot", "answer"),
    ),
    "thaw": Scenario(
        "lab up after lab down",
        _nothing_but_a_frozen_lab,
        lambda bench, progress: bringup.up(*bench.request, progress),
        ("thaw", "answer"),
    ),
    "reset": Scenario(
        "lab reset of a running lab",
        _a_frozen_lab,
        lambda _, progress: bringup.reset(progress),
        ("thaw", "answer"),
    ),
    "goto": Scenario(
        "lab chapter goto in a running lab",
        _a_chapter,
        lambda bench, progress: bringup.goto(bench.chapters, "start", progress),
        ("thaw", "answer"),
    ),
}
