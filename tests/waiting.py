"""Wait for a condition with a deadline; fail at once on a state that cannot recover."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def wait_for(probe: Callable[[], T], what: str, *, timeout_s: float, every_s: float = 0.05) -> T:
    """Return the first truthy value of `probe`; AssertionError with the last value otherwise.

    `probe` raises to end the wait early, on a state from which `what` cannot happen any more.
    """
    deadline = time.monotonic() + timeout_s
    while True:
        value = probe()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"{what}: not within {timeout_s:g} s; last seen: {value!r}")
        time.sleep(every_s)
