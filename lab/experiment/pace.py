"""When the next step of a run begins: at once, or when a speaker says so."""

from collections.abc import Callable, Mapping
from typing import NamedTuple, Protocol


class Waited(NamedTuple):
    """What came of a wait. took_s: mode -> after how many seconds it came; None: it did not.

    limit_s: what pull had. Both count from the first wait of the step.
    """

    took_s: Mapping[str, float | None]
    limit_s: float


class Pace(Protocol):
    """What decides when a run goes on. It may take any time: the record goes on meanwhile."""

    def before(self, step: str, command: Callable[[], str]) -> None:
        """Return when `step` may begin. command: returns what a person would type for it."""
        ...

    def again(self, step: str, waited: Waited) -> bool:
        """Return whether to wait once more for what `step` waits for."""
        ...


class Unattended:
    """Goes on at once, and waits once."""

    def before(self, step: str, command: Callable[[], str]) -> None:
        """Do nothing."""

    def again(self, step: str, waited: Waited) -> bool:
        """Return False."""
        return False


UNATTENDED = Unattended()
