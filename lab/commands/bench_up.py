"""`lab bench up`: how long until all services answer, in each way to a lab."""

from typing import Any

import click

from lab.bringup.watchdog import watched
from lab.terminal.params import json_option, mode_option, only_option, profile_option, runs_option
from lab.terminal.table import echo, echo_json, render

# lab.bench.boot.SCENARIOS, without the import.
SCENARIOS = ("cold", "thaw", "reset", "goto")
BASELINE = "baseline"
_NOTE = (
    "baseline: plain vagrant up of the same machines with an untuned box, to SSH on all of them; "
    "it has no services. baseline / cold: {}"
)


@click.command("up")
@mode_option
@profile_option
@only_option("scenario", SCENARIOS)
@click.option(
    "--baseline", is_flag=True, help="Beside that, plain `vagrant up` with an untuned box."
)
@runs_option
@json_option
def bench_up(
    mode: str, profile: str, only: tuple[str, ...], baseline: bool, runs: int, as_json: bool
) -> None:
    """Time each way to a lab whose services all answer, phase by phase.

    cold: `lab up --cold` from nothing, from a present box. thaw: `lab up` after `lab down`.
    reset: `lab reset` of a running lab. goto: `lab chapter goto` in a running lab. One of each in
    turn, so that a machine that gets slower does so for all alike. What you declared is lost.

    With --baseline also plain `vagrant up` of the same machines, in networks of their own, with a
    box in which nothing is masked, trimmed or handed over: Vagrant sets names, addresses and keys
    over SSH. Measured until SSH answers on all of them. That box is built once, and kept.

    \b
    lab bench up --runs 5                 everything, five times
    lab bench up --only cold --baseline   what all of it saves
    """
    from lab.bench import boot
    from lab.snapshot.initial import Request
    from lab.terminal import lock

    names = [BASELINE] if baseline else []
    names += [name for name in SCENARIOS if name in only or not only]
    with lock.held("lab bench up"):
        results = boot.measure(Request(mode, profile), names, runs, watched())
    if as_json:
        what = {"mode": mode, "profile": profile, "runs": runs, "seconds": as_data(results)}
        echo_json({**what, "baseline / cold": gain(results)})
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
    from lab.bench.stats import number

    last = (ANSWERED, TOTAL)
    names = dict.fromkeys(phase for phases in results.values() for phase in phases)
    ordered = [*(phase for phase in names if phase not in last), *last]
    rows = [(phase, *(_cell(found.get(phase)) for found in results.values())) for phase in ordered]
    table = render(("median (least-most), s", *results), rows)
    return f"{table}\n{_NOTE.format(number(gain(results), 'x'))}" if BASELINE in results else table


def gain(results: Any) -> float | None:
    """Return how many cold `lab up` go into one baseline, to its last answer; None: unknown."""
    from lab.bench.boot import ANSWERED
    from lab.bench.stats import ratio

    slow, fast = (results.get(name, {}).get(ANSWERED) for name in (BASELINE, "cold"))
    return ratio(slow, fast)


def _cell(found: Any) -> str:
    from lab.bench.stats import number

    if found is None:
        return "-"
    return f"{number(found.median)} ({number(found.least)}-{number(found.most)})"
