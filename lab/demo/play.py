"""Play demonstrations one after the other, and leave the lab whole whatever happens."""

from collections.abc import Callable, Sequence

from lab.demo import reconciliation, resilience, selfhealing
from lab.demo.playground import Playground
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
PLAYS: dict[str, Callable[[Playground], list[Outcome]]] = {
    RECONCILIATION: reconciliation.play,
    RESILIENCE: resilience.play,
    SELF_HEALING: selfhealing.play,
}


def run(playground: Playground, names: Sequence[str], progress: Progress) -> list[Outcome]:
    """Play the demonstrations `names` and return an outcome for each and every mode.

    The lab is healed before the first, after each, and after Ctrl-C; our
    containers are gone in the end. An error makes its own demonstration unknown, not the others;
    one of healing or clearing up is an outcome of its own: the lab may not be whole.
    """
    outcomes: list[Outcome] = []
    try:
        with progress.phase("heal"):
            playground.heal()
        for name in names:
            outcomes += _one(playground, name, progress)
    finally:
        with progress.phase("clear up"):
            outcomes += _mend(playground, CLEAR_UP, playground.clear)
    return outcomes


def _one(playground: Playground, name: str, progress: Progress) -> list[Outcome]:
    try:
        with progress.phase(f"{name}: prepare"):
            playground.prepare()
        with progress.phase(f"{name}: play"):
            outcomes = PLAYS[name](playground)
    except LabError as error:
        outcomes = unknown(name, playground.modes, error)
    finally:
        with progress.phase(f"{name}: heal"):
            broken = _mend(playground, f"heal after {name}", playground.heal)
    for outcome in outcomes:
        progress(f"{outcome.mode}: {outcome.happened} -> {outcome.verdict.value}")
    return outcomes + broken


def _mend(playground: Playground, what: str, mend: Callable[[], None]) -> list[Outcome]:
    """Return no outcome, or that mending failed: which must not hide what was seen before."""
    try:
        mend()
    except LabError as error:
        playground.say(f"{error} ({error.hint})" if error.hint else str(error))
        return unknown(what, ["-"], error)
    return []
