"""What a demonstration came to: as expected, unexpected, or unknown. Pure.

Unknown is for what could not be observed, and it is never green.
"""

from collections.abc import Sequence
from enum import Enum
from typing import NamedTuple

from services.core.errors import LabError

RECONCILIATION = "reconciliation"
RESILIENCE = "resilience"
SELF_HEALING = "self-healing"
DEMONSTRATIONS = (RECONCILIATION, RESILIENCE, SELF_HEALING)


class Verdict(Enum):
    """What an outcome is worth, in the words of the table."""

    EXPECTED = "as expected"
    UNEXPECTED = "UNEXPECTED"
    UNKNOWN = "UNKNOWN"


class Outcome(NamedTuple):
    """One cell of the table. seconds: until repaired, or of observation; None: not measured."""

    demonstration: str
    mode: str
    happened: str
    seconds: float | None
    verdict: Verdict
    evidence: tuple[str, ...] = ()


def unknown(name: str, modes: Sequence[str], error: LabError) -> list[Outcome]:
    """Return the outcomes of a demonstration that ended with `error`."""
    evidence = (error.hint,) if error.hint else ()
    return [Outcome(name, mode, str(error), None, Verdict.UNKNOWN, evidence) for mode in modes]


def succeeded(outcomes: Sequence[Outcome]) -> bool:
    """Whether something was seen, and every outcome is the expected one."""
    return bool(outcomes) and all(o.verdict is Verdict.EXPECTED for o in outcomes)


def logged(log: Sequence[str], words: str) -> bool:
    """Whether a line of `log` contains `words`; a colon after the first word does not matter."""
    plain = words.replace(":", "")
    return any(plain in line.replace(":", "") for line in log)
