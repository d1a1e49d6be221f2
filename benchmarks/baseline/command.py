"""`python -m benchmarks baseline`: what all the work on a quick start saves."""

from typing import Any

import click

from lab.bringup.watchdog import watched
from lab.commands.bench_up import as_data, as_text
from lab.terminal.params import json_option, mode_option, profile_option, runs_option
from lab.terminal.table import echo, echo_json

_NOTE = (
    "baseline: plain vagrant up of the same machines with an untuned box, to SSH on all of them; "
    "it has no services. baseline / cold: {}"
)


@click.command()
@mode_option
@profile_option
@runs_option
@click.option("--clear", is_flag=True, help="Only delete what a killed run left.")
@json_option
def baseline(mode: str, profile: str, runs: int, clear: bool, as_json: bool) -> None:
    """Time plain `vagrant up` of the same machines, and a cold `lab up`, in turn.

    The machines of the baseline are in networks of their own, on a box in which nothing is masked,
    trimmed or handed over: Vagrant sets names, addresses and keys over SSH. Measured until SSH
    answers on all of them. That box is built once, and kept. What you declared in the lab is lost.
    The next run deletes what a killed one left; `lab down` does not.
    """
    from benchmarks.baseline import scenarios
    from lab.bench import boot
    from lab.snapshot.initial import Request
    from lab.terminal import lock

    progress = watched()
    with lock.locked("benchmarks baseline"):
        if clear:
            return scenarios.clear(progress)
        try:
            results = boot.measure(Request(mode, profile), scenarios.SCENARIOS, runs, progress)
        except BaseException:
            scenarios.clear(progress)
            raise
    if as_json:
        what = {"mode": mode, "profile": profile, "runs": runs, "seconds": as_data(results)}
        echo_json({**what, "baseline / cold": gain(results)})
    else:
        from lab.bench.stats import number

        echo(f"{as_text(results)}\n{_NOTE.format(number(gain(results), 'x'))}")
    return None


def gain(results: Any) -> float | None:
    """Return how many cold `lab up` go into one baseline, to its last answer; None: unknown."""
    from benchmarks.baseline.scenarios import BASELINE, COLD
    from lab.bench.boot import ANSWERED
    from lab.bench.stats import ratio

    slow, fast = (results.get(name, {}).get(ANSWERED) for name in (BASELINE, COLD))
    return ratio(slow, fast)
