"""Look at several modes at once, again and again, until enough has been seen."""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import TypeVar

from services.core.errors import LabError

T = TypeVar("T")
# (seconds since observation began, what was seen then)
Samples = list[tuple[float, T]]

_EVERY_S = 0.2


def observe(
    looks: Mapping[str, Callable[[], T]],
    enough: Callable[[Mapping[str, Samples[T]], float], bool],
    *,
    began_s: float,
) -> tuple[dict[str, Samples[T]], float]:
    """Return what each look saw and when, and how long all were observed.

    looks: mode -> its look; each is repeated in a thread of its own, so that one mode's slow
    answer cannot blur another one's seconds. A look that raises LabError saw nothing.
    enough: (samples so far, seconds so far) -> whether to stop. began_s: of time.monotonic.
    """
    samples: dict[str, Samples[T]] = {name: [] for name in looks}
    stop = threading.Event()

    threads = [
        threading.Thread(target=_repeat, args=(look, samples[name], stop, began_s), daemon=True)
        for name, look in looks.items()
    ]
    for thread in threads:
        thread.start()
    try:
        while not enough(samples, time.monotonic() - began_s):
            time.sleep(_EVERY_S / 2)
        observed_s = time.monotonic() - began_s
    finally:
        stop.set()
    for thread in threads:
        thread.join()
    return samples, observed_s


def _repeat(
    look: Callable[[], T], samples: Samples[T], stop: threading.Event, began_s: float
) -> None:
    while not stop.is_set():
        with suppress(LabError):
            seen = look()
            samples.append((time.monotonic() - began_s, seen))
        stop.wait(_EVERY_S)


def last_s(samples: Sequence[tuple[float, T]]) -> float | None:
    """Return when something was seen last; None: never."""
    return samples[-1][0] if samples else None


def first(samples: Sequence[tuple[float, T]], what: Callable[[T], bool]) -> float | None:
    """Return when a sample first satisfied `what`; None: never."""
    return next((at_s for at_s, seen in list(samples) if what(seen)), None)
