"""`lab soak`: twenty cold bring-ups in a row, or an hour of a healthy lab; under load."""

from typing import TYPE_CHECKING, Any

import click

from lab.terminal.params import json_option, mode_option, profile_option, typed
from lab.terminal.table import echo, echo_json, render
from provisioning import topology
from services.core.errors import LabError

if TYPE_CHECKING:
    from lab.soak.steady import Round

# Rounds between two lines of progress.
_EVERY = 50


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
@click.option("--steady", metavar="DURATION", help="Instead of cycles, watch the lab for so long.")
@json_option
@click.pass_context
def soak(
    ctx: click.Context,
    cycles: int,
    load: int | None,
    mode: str,
    profile: str,
    keep_going: bool,
    steady: str | None,
    as_json: bool,
) -> None:
    """Bring the lab up cold and take it down, N times, while other processes keep the CPU busy.

    A line for each cycle, with its phases; it fails if a phase does, or if `lab down` left
    anything behind. Then the error names phase, console and remedy, and all logs are kept in
    .lab/soak. The lab stays as it is after a failure, unless with --keep-going. What you declared
    is lost. Ends with 1 if a cycle failed.

    With --steady it uses the lab as it is, in pull mode: six containers of its own (soak-*) are
    stopped and started in turn, and nothing is broken. So it fails at each false alarm: a node that
    pull takes for down, or a container that leaves its node. It fails, too, if a container does not
    start in time or the API does not answer.

    \b
    lab soak                       twenty, which takes half an hour under emulation
    lab soak --cycles 3 --load 0   three, on a quiet machine
    lab soak --steady 1h           an hour in which no node may look dead
    """
    from lab.soak import load as loads

    count = loads.default() if load is None else load
    if steady is None:
        _cycle(cycles, count, mode, profile, keep_going=keep_going, as_json=as_json)
    else:
        _alone(ctx)
        _watch(steady, count, as_json=as_json)


def _cycle(
    cycles: int, load: int, mode: str, profile: str, *, keep_going: bool, as_json: bool
) -> None:
    """Go through cycles, and print how they went, after Ctrl-C too. Raises LabError."""
    from lab.soak import cycles as loop
    from lab.soak import load as loads
    from lab.soak.steps import steps
    from lab.terminal import lock

    done: list[Any] = []
    with lock.locked("lab soak"):
        try:
            with loads.busy(load):
                for cycle in loop.soak(cycles, steps(mode, profile), keep_going=keep_going):
                    done.append(cycle)
                    echo(line(cycle, cycles), err=True)
        finally:
            if as_json:
                echo_json({"load": load, "asked": cycles, "cycles": [c._asdict() for c in done]})
            elif done:
                echo(summary(done, cycles, load))
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


def _alone(ctx: click.Context) -> None:
    """Raise LabError if an option is given that belongs to cycles."""
    for name in typed(ctx):
        if name in ("cycles", "mode", "profile", "keep_going"):
            option = f"--{name.replace('_', '-')}"
            raise LabError(f"--steady takes no {option}", hint=f"leave {option} out")


def _watch(duration: str, load: int, *, as_json: bool) -> None:
    """Watch a healthy lab, and print what was seen, after Ctrl-C too. Raises LabError."""
    from lab.faults.plan import seconds
    from lab.planes import client, modes
    from lab.soak import load as loads
    from lab.soak.steady import steady
    from lab.terminal import lock

    lab, length_s = topology.load(), seconds(duration)
    done: list[Round] = []
    with lock.locked("lab soak"):
        profile = modes.profile(lab)
        try:
            with loads.busy(load):
                for one in steady(client.connect(lab).pull, profile, length_s):
                    done.append(one)
                    for problem in problems(one):
                        echo(problem, err=True)
                    if len(done) % _EVERY == 0:
                        echo(f"{len(done)} containers were stopped and started", err=True)
        finally:
            if as_json:
                rows = [
                    one._asdict() | {"alarms": [alarm._asdict() for alarm in one.alarms]}
                    for one in done
                ]
                echo_json({"load": load, "rounds": rows})
            elif done:
                echo(seen(done, load))
    if wrong := sum(len(problems(one)) for one in done):
        raise LabError(f"{wrong} times something went wrong", hint="lab events tells what pull saw")


def _as_json(one: "Round") -> dict[str, Any]:
    return {**one._asdict(), "alarms": [alarm._asdict() for alarm in one.alarms]}


def problems(one: "Round") -> list[str]:
    """Return what went wrong in a round, a line each."""
    lines = [f"{e.at} {e.kind} {e.subject}: {e.reason}" for e in one.alarms]
    if one.trouble:
        return [*lines, one.trouble]
    return lines if one.took_s is not None else [*lines, "a container did not start in time"]


def seen(done: "list[Round]", load: int) -> str:
    """Return how the starts went, how long nodes were silent, and how much went wrong."""
    from lab.bench.stats import by_name, number, summary

    took = {"declared -> running": [one.took_s for one in done if one.took_s is not None]}
    silent = {f"silence of {n}": v for n, v in by_name([one.silent_s for one in done]).items()}
    found = [(name, summary(values)) for name, values in (took | silent).items()]
    rows = [(what, *map(number, one[1:])) for what, one in found if one is not None]
    alarms = sum(len(one.alarms) for one in done)
    told = f"{len(done)} containers were stopped and started; {alarms} false alarms; load: {load}"
    return "\n".join([render(("seconds", "median", "least", "most"), rows), told])
