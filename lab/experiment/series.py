"""Run experiments one after the other, and each as often as it is asked for."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from lab import paths
from lab.bringup import bringup
from lab.experiment import runner
from lab.experiment.pace import UNATTENDED, Pace
from lab.experiment.parse import Experiment
from lab.experiment.setting import Setting
from lab.faults import ledger
from lab.history import history
from lab.planes import modes
from lab.terminal.progress import Progress
from provisioning import topology as topology_file
from services.core.errors import LabError
from services.core.profiles import profile as named


class Options(NamedTuple):
    """What the command line asks for. profile: None: that of the lab."""

    mode: str
    profile: str | None
    runs: int
    seed: int


class Played(NamedTuple):
    """One experiment that was played. error: what ended it, or kept the lab from being healed."""

    folder: Path
    error: LabError | None


def play(
    experiments: Sequence[Experiment],
    options: Options,
    progress: Progress,
    pace: Pace = UNATTENDED,
) -> Iterator[Played]:
    """Run `experiments`, and yield each when it has ended.

    Of several, each begins with a lab that is as it was after the latest `lab up`: thawed, not
    booted; so is the lab in the end. One that ends with an error does not stop the others.
    Raises LabError before anything is touched where the lab is down, or an experiment says nothing
    about the modes that are asked for.
    """
    on = check(experiments, options)
    _switch(options, on, progress)
    reset, fresh = (_reset if len(experiments) > 1 else None), False
    for number, experiment in enumerate(experiments, 1):
        which = f"experiment {number} of {len(experiments)}: " if len(experiments) > 1 else ""
        progress(f"{which}{experiment.title}")
        progress(str(experiment.document.get("description", "")))
        if reset and not fresh:
            reset(progress)
            on = modes.on(topology_file.load())
        error = None
        folder = new_folder(experiment.name)
        try:
            for setting in _settings(experiment, options, on):
                if options.runs > 1:
                    progress(f"run {setting.number} of {options.runs}")
                one = folder / str(setting.number)
                one.mkdir()
                runner.run(experiment, setting, one, progress, pace, reset)
        except LabError as raised:
            error = raised
            hint = f" ({error.hint})" if error.hint else ""
            progress(f"{experiment.name} did not go through: {error}{hint}")
        fresh = error is None
        yield Played(folder, error)


def check(experiments: Sequence[Experiment], options: Options) -> list[str]:
    """Return the modes that are on.

    Raises LabError where the lab is down, or an experiment says nothing about its modes.
    """
    on = modes.on(topology_file.load())
    picked = modes.pick(options.mode, on)
    for experiment in experiments:
        if not set(picked) & set(experiment.modes):
            raise LabError(
                f"{experiment.name} says nothing about {' and '.join(picked)}",
                hint=f"it is about {', '.join(experiment.modes)}: --mode",
            )
    return on


def _switch(options: Options, on: Sequence[str], progress: Progress) -> None:
    """Start the timing profile that is asked for."""
    lab = topology_file.load()
    if options.profile is not None and options.profile != modes.profile(lab).name:
        bringup.up("both" if len(on) > 1 else on[0], options.profile, progress)


def _settings(experiment: Experiment, options: Options, on: Sequence[str]) -> Iterator[Setting]:
    lab = topology_file.load()
    picked = [one for one in modes.pick(options.mode, on) if one in experiment.modes]
    timings = named(modes.profile(lab).name)
    for number in range(1, options.runs + 1):
        yield Setting(lab, picked, timings, options.seed + number - 1, number)


def _reset(progress: Progress) -> None:
    bringup.reset(progress)
    # The machines that it names are no more.
    ledger.clear()


def new_folder(name: str) -> Path:
    """Make and return the folder for runs of the experiment `name` that begin now."""
    folder = history.new_folder(paths.RUNS / name)
    latest = folder.with_name("latest")
    latest.unlink(missing_ok=True)
    latest.symlink_to(folder.name)
    return folder
