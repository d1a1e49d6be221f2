"""How much the store takes, so that nobody fills the machine by asking."""

from typing import NamedTuple

from services.core.errors import LabError


class Limits(NamedTuple):
    """Counts. nodes: that may ever speak. events: kept. topics: watched ones remembered apart."""

    containers: int = 20_000
    nodes: int = 1_000
    events: int = 10_000
    topics: int = 20_000


DEFAULT_LIMITS = Limits()


class LimitReached(LabError):
    """One more than the store takes."""

    def __init__(self, what: str, limit: int) -> None:
        super().__init__(
            f"there are {limit} {what} already, and that is the limit",
            hint=f"remove some {what} that nobody needs",
        )
        self.what = what
        self.limit = limit
