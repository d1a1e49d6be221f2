"""Play demonstrations one after the other, and leave the lab whole whatever happens."""

from collections.abc import Callable, Sequence

from lab.demo import reconciliation, resilience, selfhealing
from lab.demo.stage import Stage
from lab.demo.verdict import (
    RECONCILIATION,
    RESILIENCE,
    SELF_HEALING,
    Outcome,
    unknown,
)
from lab.terminal.progress import Progress
from services.core.errors import LabError

CLEAR_UP = "clear up"
PLAYS: dict[str, Callable[[Stage], list[Outcome]]] = {
    RECONCILIATION: reconciliation.play,
    RESILIENCE: resilience.play,
    SELF_HEALING: selfhealing.play,
}


def run(stage: Stage, names: Sequence[str], progress: Progress) -> list[Outcome]:
    """Play the demonstrations `names` and return an outcome for each and every mode.

    The lab is healed before the first, after each, and when somebody presses Ctrl-C; our
    containers are gone in the end. An error makes its own demonstration unknown, not the others;
    one of healing or clearing up is an outcome of its own: the lab may not be whole.
    """
    outcomes: list[Outcome] = []
    try:
        with progress.phase("heal"):
            stage.heal()
        for name in names:
            outcomes += _one(stage, name, progress)
    finally:
        with progress.phase("clear up"):
            outcomes += _mend(stage, CLEAR_UP, stage.clear)
    return outcomes


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
            broken = _mend(stage, f"heal after {name}", stage.heal)
    for outcome in outcomes:
        progress(f"{outcome.mode}: {outcome.happened} -> {outcome.verdict.value}")
    return outcomes + broken


def _mend(stage: Stage, what: str, mend: Callable[[], None]) -> list[Outcome]:
    """Return no outcome, or that mending failed: which must not hide what was seen before."""
    try:
        mend()
    except LabError as error:
        stage.say(f"{error} ({error.hint})" if error.hint else str(error))
        return unknown(what, ["-"], error)
    return []
