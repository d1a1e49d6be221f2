"""Play demonstrations one after the other, and leave the lab whole whatever happens."""

from collections.abc import Callable, Sequence

from lab.demo import reconciliation, resilience, selfhealing
from lab.demo.stage import Stage
from lab.demo.verdict import (
    RECONCILIATION,
    RESILIENCE,
    SELF_HEALING,
    Outcome,
    Verdict,
)
from lab.progress import Progress
from services.core.errors import LabError

PLAYS: dict[str, Callable[[Stage], list[Outcome]]] = {
    RECONCILIATION: reconciliation.play,
    RESILIENCE: resilience.play,
    SELF_HEALING: selfhealing.play,
}


def run(stage: Stage, names: Sequence[str], progress: Progress) -> list[Outcome]:
    """Play the demonstrations `names` and return an outcome for each and every mode.

    The lab is healed before the first, after each, and when somebody presses Ctrl-C; our
    containers are gone in the end. An error makes its own demonstration unknown, not the others.
    """
    outcomes: list[Outcome] = []
    try:
        with progress.phase("heal"):
            stage.heal()
        for name in names:
            outcomes += _one(stage, name, progress)
    finally:
        with progress.phase("clear up"):
            _mend(stage, stage.clear)
    return outcomes


def unknown(name: str, modes: Sequence[str], error: LabError) -> list[Outcome]:
    """Return the outcomes of a demonstration that ended with `error`."""
    evidence = (error.hint,) if error.hint else ()
    return [Outcome(name, mode, str(error), None, Verdict.UNKNOWN, evidence) for mode in modes]


def succeeded(outcomes: Sequence[Outcome]) -> bool:
    """Whether something was seen, and every outcome is the expected one."""
    return bool(outcomes) and all(o.verdict is Verdict.EXPECTED for o in outcomes)


def _one(stage: Stage, name: str, progress: Progress) -> list[Outcome]:
    try:
        with progress.phase(f"{name}: set the stage"):
            stage.set()
        with progress.phase(f"{name}: play"):
            outcomes = PLAYS[name](stage)
    except LabError as error:
        outcomes = unknown(name, stage.modes, error)
    finally:
        with progress.phase(f"{name}: heal"):
            _mend(stage, stage.heal)
    for outcome in outcomes:
        progress(f"{outcome.mode}: {outcome.happened} -> {outcome.verdict.value}")
    return outcomes


def _mend(stage: Stage, mend: Callable[[], None]) -> None:
    """What fails here must not hide what was seen; the next demonstration trips over it anyway."""
    try:
        mend()
    except LabError as error:
        stage.say(f"{error} ({error.hint})" if error.hint else str(error))
