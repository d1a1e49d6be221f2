"""`lab run`: an experiment, recorded, and what came of it."""

import random
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lab.bringup.watchdog import watched
from lab.commands.chaos import mode_option
from lab.terminal.params import PROFILE
from lab.terminal.table import echo, render
from provisioning import topology
from services.core.errors import LabError

if TYPE_CHECKING:
    from lab.experiment.parse import Experiment
    from lab.terminal.progress import Progress


@click.command()
@click.argument("experiment", required=False, metavar="NAME|FILE")
@click.option("--list", "show", is_flag=True, help="List the experiments that come with the lab.")
@mode_option
@click.option("--profile", type=PROFILE, metavar="seed|fast", help="Default: that of the lab.")
@click.option("--runs", type=click.IntRange(min=1), default=1, show_default=True, help="How often.")
@click.option("--seed", type=int, help="Chooses targets; printed, so that a run can be repeated.")
@click.pass_context
def run(
    ctx: click.Context,
    experiment: str | None,
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
    what you started in push on a node that is hurt is lost, as push loses it. The record is
    written to .lab/runs; `lab report` draws it. Exits with 0 if all is as the experiment expects,
    1 if not, 2 if that cannot be known.
    """
    from lab.experiment import parse, runner

    if show:
        echo(_table())
        return
    if experiment is None:
        raise LabError("which experiment?", hint=f"use one of: {', '.join(parse.shipped())}")
    chosen = parse.load(parse.find(experiment), runner.known())
    seed = random.randrange(10**6) if seed is None else seed  # noqa: S311 - no secret
    progress = watched()
    progress(f"{chosen.title}; seed {seed}")
    folder = _perform(chosen, mode, profile, runs, seed, progress)
    ctx.exit(_report(folder))


def _perform(
    chosen: "Experiment", mode: str, profile: str | None, runs: int, seed: int, progress: "Progress"
) -> Path:
    from lab.bringup import bringup
    from lab.experiment import runner
    from lab.planes import modes
    from lab.terminal import lock
    from services.core.profiles import profile as named

    lab = topology.load()
    with lock.locked(f"lab run {chosen.name}"):
        on = modes.on(lab)
        picked = [one for one in modes.pick(mode, on) if one in chosen.modes]
        current = modes.profile(lab)
        if profile and profile != current.name:
            bringup.up("both" if len(on) > 1 else on[0], profile, progress)
            current = named(profile)
        folder = runner.new_folder(chosen.name)
        for number in range(1, runs + 1):
            if runs > 1:
                progress(f"run {number} of {runs}")
            setting = runner.Setting(lab, picked, current, seed + number - 1, number)
            (folder / str(number)).mkdir()
            runner.run(chosen, setting, folder / str(number), progress)
    return folder


def _table() -> str:
    from lab.experiment import parse, runner

    known = runner.known()
    found = [parse.load(parse.find(name), known) for name in parse.shipped()]
    return render(("experiment", "what happens"), [(one.name, one.title) for one in found])


def _report(folder: Path) -> int:
    """Write the report beside the history, print it, and return the exit code of its verdict."""
    from lab.experiment.check.finding import EXIT_CODES
    from lab.report import files, table
    from lab.report import runs as found

    runs = found.load(str(folder))
    pages = files.write(runs)
    echo("\n".join(["", table.text(runs), "", *(f"page: {page}" for page in pages)]))
    return EXIT_CODES[runs.verdict]
