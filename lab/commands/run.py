"""`lab run`: an experiment, recorded, and what came of it."""

import random
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lab.bringup.watchdog import watched
from lab.cli import CannotCompare
from lab.commands.chaos import mode_option
from lab.terminal.params import PROFILE
from lab.terminal.table import echo, render
from services.core.errors import LabError

if TYPE_CHECKING:
    from lab.experiment.parse import Experiment
    from lab.report.runs import Runs


@click.command()
@click.argument("names", nargs=-1, metavar="[NAME|FILE]...")
@click.option("--all", "everything", is_flag=True, help="All experiments that come with the lab.")
@click.option("--list", "show", is_flag=True, help="List them, and run nothing.")
@mode_option
@click.option("--profile", type=PROFILE, metavar="seed|fast", help="Default: that of the lab.")
@click.option("--runs", type=click.IntRange(min=1), default=1, show_default=True, help="How often.")
@click.option("--seed", type=int, help="Chooses targets; printed, so that a run can be repeated.")
@click.pass_context
def run(
    ctx: click.Context,
    names: tuple[str, ...],
    everything: bool,
    show: bool,
    mode: str,
    profile: str | None,
    runs: int,
    seed: int | None,
) -> None:
    """Hit every control plane with one fault at one instant, record what happens, and judge it.

    \b
    lab run --list                       what there is
    lab run node-failure                 once, in every mode that is on
    lab run node-failure --runs 3        medians and spread
    lab run my-experiment.yaml --seed 7

    The lab is healed before and after, also after Ctrl-C. It uses containers of its own (run-*);
    what you started in push on a node that is hurt is lost, as push loses it. With several
    experiments each begins and ends with `lab reset` instead: what you declared is lost then.

    The record is written to .lab/runs; `lab report` draws it. Exits with 0 if all is as the
    experiment expects, 1 if not, 2 if that cannot be known. docs/experiments.md explains the files.
    """
    from lab.experiment import parse, series, setting
    from lab.experiment.check.finding import EXIT_CODES, composed
    from lab.report import table
    from lab.terminal import lock

    if show:
        found = [parse.load(parse.find(name), setting.known()) for name in parse.shipped()]
        echo(render(("experiment", "what happens"), [(one.name, one.title) for one in found]))
        return
    done: list[Runs] = []
    verdicts: list[bool | None] = []
    try:
        experiments = _chosen(names, everything=everything)
        seed = random.randrange(10**6) if seed is None else seed  # noqa: S311 - no secret
        progress = watched()
        progress(f"seed {seed}")
        options = series.Options(mode, profile, runs, seed)
        with lock.locked(f"lab run {' '.join(one.name for one in experiments[:3])}"):
            for played in series.play(experiments, options, progress):
                done.append(_report(played.folder))
                # A lab that could not be healed is no good end of any experiment.
                verdicts.append(composed([done[-1].verdict, *([None] if played.error else [])]))
    except LabError as error:  # 1 would say that something is not as expected
        raise CannotCompare(error) from error
    if len(done) > 1:
        echo(f"\n{table.overview(done)}")
    ctx.exit(EXIT_CODES[composed(verdicts)])


def _chosen(names: Sequence[str], *, everything: bool) -> "list[Experiment]":
    from lab.experiment import parse, setting

    if everything and names:
        raise LabError("--all and a name are two wishes", hint="leave one of them out")
    chosen = parse.shipped() if everything else names
    if not chosen:
        raise LabError("which experiment?", hint=f"use one of: {', '.join(parse.shipped())}")
    return [parse.load(parse.find(name), setting.known()) for name in chosen]


def _report(folder: Path) -> "Runs":
    """Write the report of `folder`, print it, and return what it is about."""
    from lab.report import files, table
    from lab.report import runs as found

    runs = found.load(str(folder))
    pages = files.write(runs)
    echo("\n".join(["", table.text(runs), "", *(f"page: {page}" for page in pages), ""]))
    return runs
