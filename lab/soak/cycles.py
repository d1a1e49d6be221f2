"""The loop of `lab soak`: what a cycle is, and when it counts as one that went well."""

import time
from collections.abc import Callable, Iterator
from typing import NamedTuple

from lab.terminal.progress import Progress
from services.core.errors import LabError

DOWN = "down"


class Steps(NamedTuple):
    """What a cycle does. remains: says what is still there after `down`, a line each.

    log: called with a cycle's number, returns the Progress that its two commands write to; keep:
    called after a failure, saves what explains it and returns where that is.
    """

    up: Callable[[Progress], object]
    down: Callable[[Progress], object]
    remains: Callable[[], list[str]]
    log: Callable[[int], Progress]
    keep: Callable[[int], str]


class Cycle(NamedTuple):
    """One cycle. seconds: phase of `up` -> seconds, and DOWN; remains: what `down` left.

    error, hint: why it failed, if it did; logs: where to read on then.
    """

    number: int
    seconds: dict[str, float]
    total_s: float
    remains: list[str]
    error: str = ""
    hint: str = ""
    logs: str = ""

    @property
    def ok(self) -> bool:
        return not self.error and not self.remains


def soak(count: int, steps: Steps, *, keep_going: bool) -> Iterator[Cycle]:
    """Yield `count` cycles as they end; the last one is the first that failed, if any does.

    keep_going: then the lab is taken down and the next cycle begins. Without it the lab stays as
    it is, to be looked at.
    """
    clean = False
    for number in range(1, count + 1):
        cycle = _once(number, steps, clean=clean)
        clean = cycle.ok
        if not clean:
            cycle = cycle._replace(logs=steps.keep(number))
        yield cycle
        if not clean and not keep_going:
            return


def _once(number: int, steps: Steps, *, clean: bool) -> Cycle:
    """Take one cycle. clean: nothing is up, as `down` said."""
    up, down = steps.log(number), steps.log(number)
    remains: list[str] = []
    error = hint = ""
    down_s: dict[str, float] = {}
    began_s = time.monotonic()
    try:
        if not clean:
            steps.down(down)
            began_s = time.monotonic()
        steps.up(up)
        up_s = time.monotonic() - began_s
        steps.down(down)
        down_s[DOWN] = time.monotonic() - began_s - up_s
        remains = steps.remains()
    except (LabError, OSError) as failure:
        error, hint = str(failure), getattr(failure, "hint", "")
    total_s = time.monotonic() - began_s
    return Cycle(number, up.seconds | down_s, total_s, remains, error, hint)
