"""What a pass says: enough for an audience to follow, nothing that was said a second ago."""

import json
import os
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

from services.core.errors import LabError
from services.core.follow import Answer
from services.core.model import Act, Task

# A whole talk may pass during an outage; a journal that begins in the middle should tell, too.
_REPEAT_S = 60.0


class Said(NamedTuple):
    """The last lines of their kind. outage_at_s: when, monotonic."""

    converged: str = ""
    outage: str = ""
    outage_at_s: float = 0.0


class Journal:
    """Tells passes to `say`, line by line; what was said is kept in the file `path`.

    Not synced: if it is lost or cannot be written, some things are said twice.
    """

    def __init__(self, path: str, say: Callable[[str], None]) -> None:
        self._path = path
        self._say = say

        self._said: Said | None = None

    def record(self, answer: Answer, tasks: Sequence[Task], *, settled: bool = True) -> None:
        """Say what is new about a pass that got `answer` and is about to perform `tasks`.

        settled: whether no tasks means convergence; not while earlier ones have yet to show.
        """
        before = self._load()
        after, lines = tell(before, answer, tasks, now_s=time.monotonic(), settled=settled)
        self._tell(before, after, lines)

    def say(self, tasks: Sequence[Task]) -> None:
        """Say what is about to be performed, whatever anybody answers."""
        before = self._load()
        self._tell(before, before._replace(converged=""), _plan(tasks))

    def complain(self, error: LabError) -> None:
        """Say what went wrong, and the next step."""
        self._say(f"{error}\nhint: {error.hint}" if error.hint else str(error))

    def _load(self) -> Said:
        if self._said is None:
            self._said = _load(self._path)
        return self._said

    def _tell(self, before: Said, after: Said, lines: Sequence[str]) -> None:
        for line in lines:
            self._say(line)
        self._said = after
        if after != before:
            _save(self._path, after)


def tell(
    said: Said, answer: Answer, tasks: Sequence[Task], *, now_s: float, settled: bool = True
) -> tuple[Said, list[str]]:
    """Return the lines of a pass, in order, and what was said when they are.

    A plan is always told, task by task. Convergence is told when it was reached or differs;
    an outage when it begins, when its reason changes, and again every minute.
    """
    said, lines = _tell_source(said, answer, now_s)
    if tasks:
        return said._replace(converged=""), [*lines, *_plan(tasks)]
    if answer.assignment is not None and settled:
        count = len(answer.assignment.containers)
        converged = f"converged ({count} container{'' if count == 1 else 's'})"
        if converged != said.converged:
            return said._replace(converged=converged), [*lines, converged]
    return said, lines


def _plan(tasks: Sequence[Task]) -> list[str]:
    stops = sum(task.act is Act.STOP for task in tasks)
    head = f"RECONCILIATION: {stops} to stop, {len(tasks) - stops} to start"
    return [head, *(f"{task.act.name} {task.container.name}: {task.reason}" for task in tasks)]


def _tell_source(said: Said, answer: Answer, now_s: float) -> tuple[Said, list[str]]:
    if not answer.outage:
        if not said.outage:
            return said, []
        revision = answer.assignment.revision if answer.assignment else 0
        return Said(), [f"API is back, re-synchronised at revision {revision}"]
    if answer.assignment is None:
        line = f"{answer.outage}, no local state: leaving everything as it is"
    else:
        line = f"{answer.outage}, using local state from {answer.since}"
    # After a reboot the monotonic clock is behind what was written before it.
    fresh = said.outage_at_s <= now_s < said.outage_at_s + _REPEAT_S
    if line == said.outage and fresh:
        return said, []
    return Said("", line, now_s), [line]


def _load(path: str) -> Said:
    try:
        with open(path, encoding="utf-8") as file:
            converged, outage, outage_at_s = json.load(file)
        return Said(str(converged), str(outage), float(outage_at_s))
    except (OSError, ValueError, TypeError):
        return Said()


def _save(path: str, said: Said) -> None:
    half = f"{path}.new"
    try:
        with open(half, "w", encoding="utf-8") as file:
            json.dump(said, file)
        os.replace(half, path)
    except OSError:
        return  # said twice, then
