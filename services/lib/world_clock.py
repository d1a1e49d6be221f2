"""The clocks of this machine: while it is paused, only the one that a battery drives goes on.

A machine that is frozen together with all others, and thawed, has missed nothing: time did not go
on for them either. services/lib/standstill.py, which is the first to run after a thaw, writes here
for how long the machine stood still.
"""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from math import ceil

RTC = "/sys/class/rtc/rtc0/since_epoch"
FROZEN = "/run/lab-frozen"
_STILL = -1


def boottime_s() -> float:
    """Return the seconds since this machine booted, including those for which it was suspended."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def rtc_s() -> int:
    """Return the seconds that the battery-backed clock shows; 0 without one."""
    return _number(RTC)


def world_s() -> int:
    """Return the same without the seconds for which this machine was frozen.

    0 also while it is frozen: how long that is, is known only afterwards.
    """
    frozen_s = _number(FROZEN)
    return max(0, rtc_s() - frozen_s) if frozen_s >= 0 else 0


@contextmanager
def frozen() -> Iterator[None]:
    """Let the seconds by which the clock is further ahead after the block count as frozen."""
    frozen_s, before_s = _number(FROZEN), _ahead_s()
    _write(_STILL)
    try:
        yield
    finally:
        # Too much hides a pause for a second; too little looks like one.
        _write(max(0, frozen_s) + max(0, ceil(_ahead_s() - before_s)))


def _ahead_s() -> float:
    """Return by how much the clock is ahead of the one that stands still."""
    return rtc_s() - boottime_s()


def _write(seconds: int) -> None:
    half = f"{FROZEN}.new"
    with suppress(OSError):  # then a thaw looks like a pause
        with open(half, "w", encoding="ascii") as file:
            file.write(f"{seconds}\n")
        os.replace(half, FROZEN)


def _number(path: str) -> int:
    """Return the number in `path`; 0 if there is none."""
    try:
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return 0
    try:
        return int(os.read(file, 32))
    except (OSError, ValueError):
        return 0
    finally:
        os.close(file)
