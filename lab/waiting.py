"""Wait for a condition with a deadline, and say what was seen last when it does not come."""

import time
from collections.abc import Callable
from typing import TypeVar

from services.core.errors import LabError

T = TypeVar("T")


class TookTooLong(LabError):
    """Something that should have happened did not, in time."""

    def __init__(self, what: str, waited_s: float, last: object, hint: str) -> None:
        super().__init__(f"{what}: not within {waited_s:.0f} s; last seen: {last}", hint=hint)
        self.what = what
        self.waited_s = waited_s
        self.last = last


def until(
    probe: Callable[[], T],
    what: str,
    *,
    timeout_s: float,
    hint: str = "",
    every_s: float = 0.2,
) -> T:
    """Return the first truthy value of `probe`; raises TookTooLong with the last one otherwise.

    hint: what to do then.
    `probe` raises a LabError of its own on a state from which `what` cannot happen any more.
    """
    deadline = time.monotonic() + timeout_s
    while True:
        value = probe()
        if value:
            return value
        if time.monotonic() > deadline:
            raise TookTooLong(what, timeout_s, value, hint)
        time.sleep(every_s)
