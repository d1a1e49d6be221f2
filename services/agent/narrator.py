"""What the agent prints: enough for an audience to follow, and nothing twice in a row."""

import json
import os
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

from services.core.errors import LabError, printable
from services.core.fields import decode
from services.core.model import Act, Desired, Observed, Task

# An outage may last a whole talk; someone who begins to read in the middle must learn of it.
_REPEAT_S = 60.0


class Narrated(NamedTuple):
    """The last lines of their kind. outage_at_s: when the outage was printed, monotonic."""

    converged: str = ""
    outage: str = ""
    outage_at_s: float = 0.0


class Narrator:
    """Prints passes with `say`; remembers in the file `path` what it printed.

    say: takes the lines of one pass together, since the journal needs 0.1 s for each piece of
    output under emulation. The file is not synced: if it is lost or cannot be written, some lines
    are printed twice.
    """

    def __init__(self, path: str, say: Callable[[str], None]) -> None:
        self._path = path
        self._say = say
        self._narrated = _load(path)

    def record(self, desired: Desired, observed: Observed, tasks: Sequence[Task]) -> None:
        """Print what is new about a pass that is about to perform `tasks`."""
        after, lines = narrate(self._narrated, desired, observed, tasks, now_s=time.monotonic())
        if lines:
            self._say("\n".join(map(printable, lines)))
        if after != self._narrated:
            self._narrated = after
            _save(self._path, after)

    def complain(self, error: LabError) -> None:
        """Print what went wrong, and the next step."""
        lines = [str(error), f"hint: {error.hint}"] if error.hint else [str(error)]
        self._say("\n".join(map(printable, lines)))


def narrate(
    before: Narrated, desired: Desired, observed: Observed, tasks: Sequence[Task], *, now_s: float
) -> tuple[Narrated, list[str]]:
    """Return what is remembered after a pass, and its lines in order.

    A plan is always printed, task by task. Convergence is printed when it was reached or differs,
    and only once systemd shows all that it was asked to do. An outage is printed when it begins,
    when its reason changes, and again every minute.
    """
    after, lines = _narrate_source(before, desired, now_s)
    if tasks:
        return after._replace(converged=""), [*lines, *_plan(tasks)]
    if desired.containers is None:
        return after, lines
    count = len(desired.containers)
    converged = f"converged ({count} container{'' if count == 1 else 's'})"
    if converged == after.converged or any(state.job for state in observed.values()):
        return after, lines
    return after._replace(converged=converged), [*lines, converged]


def _plan(tasks: Sequence[Task]) -> list[str]:
    stops = sum(task.act is Act.STOP for task in tasks)
    head = f"RECONCILIATION: {stops} to stop, {len(tasks) - stops} to start"
    return [head, *(f"{task.act.name} {task.container.name}: {task.reason}" for task in tasks)]


def _narrate_source(before: Narrated, desired: Desired, now_s: float) -> tuple[Narrated, list[str]]:
    if not desired.outage:
        if not before.outage:
            return before, []
        return Narrated(), [f"API is back, re-synchronised at revision {desired.revision}"]
    if desired.containers is None:
        line = f"{desired.outage}, no local state: leaving everything as it is"
    else:
        line = f"{desired.outage}, using local state from {desired.since}"
    # After a reboot the monotonic clock is behind what was written before it.
    fresh = before.outage_at_s <= now_s < before.outage_at_s + _REPEAT_S
    if line == before.outage and fresh:
        return before, []
    return Narrated("", line, now_s), [line]


def _load(path: str) -> Narrated:
    try:
        with open(path, "rb") as file:
            converged, outage, outage_at_s = decode(file.read())
        return Narrated(str(converged), str(outage), float(outage_at_s))
    except (OSError, ValueError, TypeError):
        return Narrated()


def _save(path: str, narrated: Narrated) -> None:
    half = f"{path}.new"
    try:
        with open(half, "w", encoding="utf-8") as file:
            json.dump(narrated, file)
        os.replace(half, path)
    except OSError:
        return  # printed twice, then
