"""`lab bench`: medians over several runs, as a table or as JSON."""

from typing import Any

import click

from lab.bringup.watchdog import watched
from lab.commands.bench_container import bench_container
from lab.commands.bench_push import bench_push
from lab.commands.bench_up import bench_up
from lab.terminal.params import json_option, only_option, runs_option
from lab.terminal.table import echo, echo_json, render
from provisioning import topology
from services.core.profiles import PROFILES

# lab.bench.converge.TITLES, without the import.
MEASUREMENTS = ("declared", "drift", "power-cut", "idle")


@click.group()
def bench() -> None:
    """Measure the lab on this machine; medians over several runs."""


bench.add_command(bench_container)
bench.add_command(bench_push)
bench.add_command(bench_up)


@bench.command("converge")
@runs_option
@only_option("measurement", MEASUREMENTS)
@json_option
def bench_converge(runs: int, only: tuple[str, ...], as_json: bool) -> None:
    """Time pull: declared -> running, drift -> corrected, power cut -> running elsewhere.

    In every timing profile, and with the ratio between them; also the CPU time that an
    idle agent takes in a minute. Leaves the lab in the profile in which it was; what you started
    in push on a node whose plug is pulled is lost.

    \b
    lab bench converge                              everything, three times
    lab bench converge --only declared --runs 20    how much sooner a watch knows
    """
    from lab.bench import converge
    from lab.bringup import bringup
    from lab.planes import modes
    from lab.terminal import lock

    lab = topology.load()
    progress = watched()
    with lock.locked("lab bench converge"):
        running = modes.on(lab)
        modes.pick("pull", running)
        before = modes.profile(lab).name
        try:
            results = converge.measure(lab, running, list(PROFILES), runs, progress, only)
        finally:
            bringup.up("both" if len(running) > 1 else running[0], before, progress)
    if as_json:
        echo_json({"runs": runs, "results": as_data(results)})
    else:
        echo(as_text(results))


def as_data(results: Any) -> dict[str, Any]:
    """Return measurement -> profile -> summary, and the ratio of the first profile to the last."""
    from lab.bench.stats import ratio

    slow, *_, fast = PROFILES
    return {
        what: {
            **{name: found and found._asdict() for name, found in by_profile.items()},
            "ratio": ratio(by_profile.get(slow), by_profile.get(fast)),
        }
        for what, by_profile in results.items()
    }


def as_text(results: Any) -> str:
    """Return a line for each measurement: its median in each profile, and their ratio."""
    from lab.bench.stats import number

    names = list(PROFILES)
    rows = []
    for what, found in as_data(results).items():
        medians = [number(found[name]["median"] if found.get(name) else None) for name in names]
        rows.append((what, *medians, number(found["ratio"], "x")))
    return render(("median", *names, f"{names[0]} / {names[-1]}"), rows)
