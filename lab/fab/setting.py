"""The tasks that set up and measure."""

from fabric import task
from invoke.context import Context

from lab.fab.words import JSON, RUNS, flags, say


@task(  # type: ignore[untyped-decorator]
    help=JSON | {"fix": "install what is missing", "record": "make the versions the tested ones"}
)
def doctor(_: Context, fix: bool = False, record: bool = False, json: bool = False) -> None:
    """Check what the lab needs of this machine, with versions found and tested."""
    say("doctor", *flags(fix=fix, record=record), json=json)


@task(  # type: ignore[untyped-decorator]
    name="up",
    iterable=["only"],
    help=RUNS
    | JSON
    | {"only": "cold, thaw, reset or goto", "baseline": "plain vagrant up beside that"},
)
def bench_up(
    _: Context,
    only: list[str],
    runs: int = 3,
    baseline: bool = False,
    json: bool = False,
) -> None:
    """Time each way to a lab, phase by phase: fab bench.up --only cold --only thaw."""
    chosen = [word for name in only for word in ("--only", name)]
    say("bench", "up", "--runs", str(runs), *chosen, *flags(baseline=baseline), json=json)


@task(  # type: ignore[untyped-decorator]
    name="converge", help=RUNS | JSON | {"only": "declared, drift, power-cut or idle"}
)
def bench_converge(_: Context, runs: int = 3, only: str = "", json: bool = False) -> None:
    """Time how long pull takes to repair what, in every profile."""
    chosen = ["--only", only] if only else []
    say("bench", "converge", "--runs", str(runs), *chosen, json=json)


@task(  # type: ignore[untyped-decorator]
    positional=[],
    help=JSON
    | {
        "cycles": "how many",
        "load": "busy processes beside it; one a core but for one core, if not given",
        "keep-going": "after a failure, take the lab down and go on",
    },
)
def soak(
    _: Context, cycles: int = 20, load: int = -1, keep_going: bool = False, json: bool = False
) -> None:
    """Bring the lab up cold and take it down in a row, under load: fab soak --cycles 3."""
    beside = ["--load", str(load)] if load >= 0 else []
    say("soak", "--cycles", str(cycles), *beside, *flags(keep_going=keep_going), json=json)
