"""Wait for a condition with a deadline; fail at once on a state that cannot recover."""

from collections.abc import Callable
from typing import TypeVar

from lab.waiting import TookTooLong, until

T = TypeVar("T")


def wait_for(probe: Callable[[], T], what: str, *, timeout_s: float, every_s: float = 0.05) -> T:
    """Return the first truthy value of `probe`; AssertionError with the last value otherwise.

    `probe` raises to end the wait early, on a state from which `what` cannot happen any more.
    """
    try:
        return until(probe, what, timeout_s=timeout_s, every_s=every_s)
    except TookTooLong as error:
        raise AssertionError(str(error)) from None
