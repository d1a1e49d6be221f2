"""Play demonstrations one after the other, and say what each control plane made of each."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

from lab.bringup import bringup
from lab.demo.presenter import StartOver
from lab.experiment import parse, series, setting
from lab.experiment.check.finding import VERDICTS
from lab.experiment.check.judge import ModeJudgement
from lab.experiment.check.traces import Amount, Known
from lab.experiment.pace import Pace
from lab.experiment.parse import Experiment
from lab.experiment.series import Options, Played
from lab.report import files, runs
from lab.report.runs import Runs
from lab.report.table import problems, seconds
from lab.terminal.progress import Progress
from services.core.errors import LabError

# The stray appears on the same node each time.
_SEED = 1


class Outcome(NamedTuple):
    """One line of the table. amount: the seconds of the check that its experiment names first."""

    demonstration: str
    mode: str
    verdict: Known
    amount: Amount | None
    happened: str
    evidence: tuple[str, ...]

    @property
    def words(self) -> tuple[str, str, str, str, str]:
        """Demonstration, mode, verdict, seconds and what happened."""
        measured = seconds([self.amount])
        return (self.demonstration, self.mode, VERDICTS[self.verdict], measured, self.happened)


class Performance(NamedTuple):
    """outcomes: those of each mode, in order. pages: the reports."""

    outcomes: list[Outcome]
    pages: list[Path]


def perform(
    experiments: Mapping[str, str], mode: str, pace: Callable[[str], Pace], progress: Progress
) -> Performance:
    """Play `experiments`: demonstration -> the experiment that it is, on the lab as it is.

    pace: returns the Pace for a demonstration. One at which it starts over is played again, on a
    lab that was reset. An error makes its own demonstration unknown, not the others; where nothing
    can be played at all it is raised before anything is touched.
    """
    words = setting.known()
    loaded = {name: parse.load(parse.find(one), words) for name, one in experiments.items()}
    options = Options(mode, None, 1, _SEED)
    series.check(list(loaded.values()), options)
    done = Performance([], [])
    for name, experiment in loaded.items():
        try:
            played = _play(experiment, options, progress, pace(name))
            found = runs.load(str(played.folder))
            new = outcomes(name, played, found)
            done.pages.extend(files.write(found))
        except LabError as error:
            new = [_failed(name, error)]
        except KeyboardInterrupt:
            if len(experiments) > 1:
                progress(f"lab demo --from {name} begins with this one again")
            raise
        for outcome in new:
            progress(f"{outcome.mode}: {outcome.happened} -> {VERDICTS[outcome.verdict]}")
        done.outcomes.extend(new)
    return done


def _play(experiment: Experiment, options: Options, progress: Progress, pace: Pace) -> Played:
    while True:
        (played,) = series.play([experiment], options, progress, pace)
        if not _starts_over(played.error):
            return played
        bringup.reset(progress)


def _starts_over(error: BaseException | None) -> bool:
    """Return whether the speaker wants that, also where the lab could not be healed after it."""
    while error is not None and not isinstance(error, StartOver):
        error = error.__context__
    return error is not None


def _failed(name: str, error: LabError) -> Outcome:
    evidence = (error.hint,) if error.hint else ()
    return Outcome(name, "-", None, None, str(error), evidence)


def outcomes(name: str, played: Played, found: Runs) -> list[Outcome]:
    """Return what each mode made of a demonstration; an error of playing it is one more."""
    why = "; ".join(problems(found))
    results = [_outcome(name, result, why) for result in found.runs[0].judgement.modes]
    return [*results, _failed(name, played.error)] if played.error else results


def _outcome(name: str, result: ModeJudgement, why: str) -> Outcome:
    """why: the reason why nothing of this run can be known for sure, or an empty text."""
    checks = result.checks
    # If all is as expected, what the experiment names first says most.
    tells = [one for one in checks if one.verdict is not True] or checks[:2]
    return Outcome(
        name,
        result.mode,
        result.verdict,
        checks[0].finding.amount if checks else None,
        why or "; ".join(one.finding.text for one in tells),
        tuple(line for one in tells for line in one.finding.evidence),
    )
