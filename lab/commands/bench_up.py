"""`lab bench up`: how long until all services answer, in each way to a lab."""

from typing import Any

import click

from lab.params import MODE, PROFILE, Known, json_option
from lab.progress import Progress
from lab.table import echo_json, render
from services.core.profile import DEFAULT_PROFILE

# lab.bench.boot.SCENARIOS, without the import.
SCENARIOS = ("cold", "thaw", "reset", "goto")

runs_option = click.option(
    "--runs", type=click.IntRange(min=1), default=3, show_default=True, help="Runs to take."
)


@click.command("up")
@click.option("--mode", type=MODE, default="both", show_default=True, metavar="push|pull|both")
@click.option(
    "--profile", type=PROFILE, default=DEFAULT_PROFILE, show_default=True, metavar="seed|fast"
)
@click.option(
    "--only",
    type=Known("scenario", lambda: SCENARIOS),
    multiple=True,
    metavar="|".join(SCENARIOS),
    help="Measure this alone; may be repeated.",
)
@runs_option
@json_option
def bench_up(mode: str, profile: str, only: tuple[str, ...], runs: int, as_json: bool) -> None:
    """Time each way to a lab whose services all answer, phase by phase.

    cold: `lab up --cold` from nothing, from a present box. thaw: `lab up` after `lab down`.
    reset: `lab reset` of a running lab. goto: `lab chapter goto` in a running lab. One of each in
    turn, so that a machine that gets slower does so for all alike. What you declared is lost.

    \b
    lab bench up --runs 5                         everything, five times
    lab bench up --only cold                      without what is frozen
    """
    from lab import lock
    from lab.bench import boot
    from lab.frozen.fresh import Wish

    names = [name for name in SCENARIOS if name in only or not only]
    with lock.held("lab bench up"):
        results = boot.measure(Wish(mode, profile), names, runs, Progress())
    if as_json:
        echo_json({"mode": mode, "profile": profile, "runs": runs, "seconds": as_data(results)})
    else:
        click.echo(as_text(results))


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
