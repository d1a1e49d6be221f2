"""When the next step of a run begins: at once, or when a speaker says so."""

from collections.abc import Mapping
from typing import Protocol


class Pace(Protocol):
    """What decides when a run goes on. It may take any time: the record goes on meanwhile."""

    def before(self, step: str, command: str) -> None:
        """Return when `step` may begin. command: what a person would type for it, or empty."""
        ...

    def again(self, step: str, took_s: Mapping[str, float | None], limit_s: float) -> bool:
        """Return whether to wait once more for what `step` waits for.

        took_s: mode -> after how many seconds it came; None: it did not. limit_s: what pull had.
        """
        ...


class Unattended:
    """Goes on at once, and waits once."""

    def before(self, step: str, command: str) -> None:
        """Do nothing."""

    def again(self, step: str, took_s: Mapping[str, float | None], limit_s: float) -> bool:
        """Return False."""
        return False


UNATTENDED = Unattended()
