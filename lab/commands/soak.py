"""`lab soak`: twenty cold bring-ups in a row, under load, without a hand."""

from typing import Any

import click

from lab.terminal.params import json_option, mode_option, profile_option
from lab.terminal.table import echo, echo_json, render
from services.core.errors import LabError


@click.command()
@click.option("--cycles", type=click.IntRange(min=1), default=20, show_default=True, metavar="N")
@click.option(
    "--load",
    type=click.IntRange(min=0),
    metavar="N",
    help="Busy processes beside it.  [default: one a core, but for one core]",
)
@mode_option
@profile_option
@click.option("--keep-going", is_flag=True, help="After a failure, take the lab down and go on.")
@json_option
def soak(
    cycles: int, load: int | None, mode: str, profile: str, keep_going: bool, as_json: bool
) -> None:
    """Bring the lab up cold and take it down, N times, while other processes keep the CPU busy.

    A line for each cycle, with its phases; it fails if a phase does, or if `lab down` left
    anything behind. Then the error names phase, console and remedy, and all logs are kept in
    .lab/soak. The lab stays as it is after a failure, unless with --keep-going. What you declared
    is lost. Ends with 1 if a cycle failed.

    \b
    lab soak                       twenty, which takes half an hour under emulation
    lab soak --cycles 3 --load 0   three, on a quiet machine
    """
    from lab.soak import cycles as loop
    from lab.soak import load as loads
    from lab.soak.steps import steps
    from lab.terminal import lock

    count = loads.default() if load is None else load
    done: list[Any] = []
    with lock.locked("lab soak"):
        try:
            with loads.busy(count):
                for cycle in loop.soak(cycles, steps(mode, profile), keep_going=keep_going):
                    done.append(cycle)
                    echo(line(cycle, cycles), err=True)
        finally:  # after Ctrl-C too
            if as_json:
                echo_json({"load": count, "asked": cycles, "cycles": [c._asdict() for c in done]})
            elif done:
                echo(summary(done, cycles, count))
    bad = [cycle.number for cycle in done if not cycle.ok]
    if bad:
        raise LabError(
            f"cycle {', '.join(map(str, bad))} of {cycles} failed",
            hint=f"read {done[bad[0] - 1].logs}; lab down takes away what is there",
        )


def line(cycle: Any, cycles: int) -> str:
    """Return what is printed of a cycle: one line, and what went wrong below it."""
    phases = "  ".join(f"{phase} {seconds:.1f}" for phase, seconds in cycle.seconds.items())
    verdict = "ok" if cycle.ok else "FAILED"
    lines = [f"cycle {cycle.number}/{cycles}: {verdict} in {cycle.total_s:.1f} s: {phases}"]
    lines += [f"  left behind: {remain}" for remain in cycle.remains]
    lines += [f"  {text}" for text in f"{cycle.error}\n{cycle.hint}".splitlines() if text]
    return "\n".join(lines)


def summary(done: Any, cycles: int, load: int) -> str:
    """Return the phases of all cycles that went well, and how many those were."""
    from lab.bench.stats import by_name, number
    from lab.bench.stats import summary as of

    good = [cycle.seconds | {"total": cycle.total_s} for cycle in done if cycle.ok]
    found = {phase: of(values) for phase, values in by_name(good).items()}
    rows = [
        (phase, number(one.median), number(one.least), number(one.most))
        for phase, one in found.items()
        if one is not None
    ]
    table = [render(("phase (s)", "median", "least", "most"), rows)] if rows else []
    told = f"{len(good)} of {cycles} cycles went well, {len(done) - len(good)} failed; load: {load}"
    return "\n".join([*table, told])
