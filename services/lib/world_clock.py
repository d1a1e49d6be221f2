"""The clock that runs on while this machine is paused: the one that a battery drives.

A machine that is frozen together with all others, and thawed, has missed nothing: time did not go
on for them either. services/lib/standstill.py, which is the first to run after a thaw, writes here
for how long the machine stood still.
"""

import os

RTC = "/sys/class/rtc/rtc0/since_epoch"
FROZEN = "/run/lab-frozen"


def rtc_s() -> int:
    """Return the seconds that the battery-backed clock shows; 0 without one."""
    return _number(RTC)


def world_s() -> int:
    """Return the same without the seconds for which this machine was frozen."""
    return max(0, rtc_s() - _number(FROZEN))


def add_frozen(seconds: int) -> None:
    """Remember that this machine was frozen for `seconds` more."""
    half = f"{FROZEN}.new"
    with open(half, "w", encoding="ascii") as file:
        file.write(f"{_number(FROZEN) + seconds}\n")
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
