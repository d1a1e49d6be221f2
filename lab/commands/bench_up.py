"""`lab bench up`: how long until all services answer, in each way to a lab."""

from typing import Any

import click

from lab.bringup.watchdog import watched
from lab.terminal.params import json_option, mode_option, only_option, profile_option, runs_option
from lab.terminal.table import echo, echo_json, render

# lab.bench.boot.SCENARIOS, without the import.
SCENARIOS = ("cold", "thaw", "reset", "goto")


@click.command("up")
@mode_option
@profile_option
@only_option("scenario", SCENARIOS)
@runs_option
@json_option
def bench_up(mode: str, profile: str, only: tuple[str, ...], runs: int, as_json: bool) -> None:
    """Time each way to a lab whose services all answer, phase by phase.

    cold: `lab up --cold` from nothing, from a present box. thaw: `lab up` after `lab down`.
    reset: `lab reset` of a running lab. goto: `lab chapter goto` in a running lab. One of each in
    turn, so that a machine that gets slower does so for all alike. What you declared is lost.

    \b
    lab bench up --runs 5                  everything, five times
    python -m benchmarks baseline          plain `vagrant up` beside a cold `lab up`
    """
    from lab.bench import boot
    from lab.snapshot.initial import Request
    from lab.terminal import lock

    chosen = {name: boot.SCENARIOS[name] for name in SCENARIOS if name in only or not only}
    with lock.locked("lab bench up"):
        results = boot.measure(Request(mode, profile), chosen, runs, watched())
    if as_json:
        what = {"mode": mode, "profile": profile, "runs": runs}
        echo_json({**what, "seconds": as_data(results)})
    else:
        echo(as_text(results))


def as_data(results: Any) -> dict[str, Any]:
    """Return scenario -> phase -> its summary."""
    return {
        name: {phase: found._asdict() for phase, found in phases.items()}
        for name, phases in results.items()
    }


def as_text(results: Any) -> str:
    """Return a line for each phase with the median of each scenario, and from least to most.

    Phases in the order in which they first appear; what all scenarios have comes last.
    """
    from lab.bench.boot import ANSWERED, TOTAL

    last = (ANSWERED, TOTAL)
    names = dict.fromkeys(phase for phases in results.values() for phase in phases)
    ordered = [*(phase for phase in names if phase not in last), *last]
    rows = [(phase, *(_cell(found.get(phase)) for found in results.values())) for phase in ordered]
    return render(("median (least-most), s", *results), rows)


def _cell(found: Any) -> str:
    from lab.bench.stats import number

    if found is None:
        return "-"
    return f"{number(found.median)} ({number(found.least)}-{number(found.most)})"
