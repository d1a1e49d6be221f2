"""How much the store takes, so that nobody fills the machine by asking."""

from typing import NamedTuple

from services.core.errors import LabError

# Of why something was done: a sentence, not a book.
REASON_CHARACTERS = 300


class Limits(NamedTuple):
    """Counts. nodes: that may ever speak. events: kept. topics: watched ones remembered apart."""

    containers: int = 20_000
    nodes: int = 1_000
    events: int = 10_000
    topics: int = 20_000


DEFAULT_LIMITS = Limits()


def short(reason: str) -> str:
    """Return `reason`, cut if it is too long."""
    return reason if len(reason) <= REASON_CHARACTERS else f"{reason[: REASON_CHARACTERS - 1]}…"


class LimitReached(LabError):
    """One more than the store takes."""

    def __init__(self, what: str, limit: int) -> None:
        super().__init__(
            f"there are {limit} {what} already, and that is the limit",
            hint=f"remove some {what} that nobody needs",
        )
        self.what = what
        self.limit = limit
