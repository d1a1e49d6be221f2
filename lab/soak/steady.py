"""A healthy lab under load: nothing fails, so what pull takes for a failure is a false alarm."""

import time
from collections.abc import Generator
from contextlib import suppress
from typing import NamedTuple

from lab import waiting
from lab.experiment import timing
from lab.host.speed import deadline_s
from lab.planes.client import PullClient
from services.core.errors import LabError
from services.core.model import Event
from services.core.profiles import Profile

# Kinds of events: what happens where a node fails, and at no start or stop of a container.
ALARMS = ("node-down", "node-leaving", "node-refused", "unplaced")
# So many run at once; each one is stopped and started in its turn.
_NAMES = tuple(f"soak-{number}" for number in range(1, 7))
# Python, the workload and its socket, several on a node.
_START_S = 10.0
_LOOK_S = 1.0


class Round(NamedTuple):
    """One container that was stopped and started, and what else was seen meanwhile.

    took_s: declared -> running; None: not within its deadline. silent_s: node -> its longest
    silence that was seen. alarms: events of ALARMS. trouble: what an API would not answer.
    """

    took_s: float | None
    silent_s: dict[str, float]
    alarms: tuple[Event, ...] = ()
    trouble: str = ""


def steady(pull: PullClient, profile: Profile, seconds: float) -> Generator[Round, None, None]:
    """Yield rounds for so many seconds; takes its own containers away at the end."""
    ends_s = time.monotonic() + seconds
    limit_s = deadline_s(timing.placing_s(profile) + _START_S)
    since = pull.events(0).revision
    number = 0
    try:
        while time.monotonic() < ends_s:
            done, since = _round(pull, _NAMES[number % len(_NAMES)], since, limit_s)
            number += 1
            yield done
    finally:
        for name in _NAMES:
            pull.delete(name)


def _round(pull: PullClient, name: str, since: int, limit_s: float) -> tuple[Round, int]:
    """Play one round; returns it, and the revision up to which events were read."""
    silent_s: dict[str, float] = {}
    took_s: float | None = None
    try:
        pull.delete(name)
        pull.declare(name)
        began_s = time.monotonic()
        with suppress(waiting.TookTooLong):
            runs = lambda: _runs(pull, name, silent_s)  # noqa: E731
            waiting.until(runs, f"{name} runs", timeout_s=limit_s, every_s=_LOOK_S)
            took_s = time.monotonic() - began_s
        page = pull.events(since)
    except LabError as error:
        return Round(took_s, silent_s, trouble=str(error)), since
    alarms = tuple(event for event in page.events if event.kind in ALARMS)
    gone = f"events after revision {since} are gone" if page.truncated else ""
    return Round(took_s, silent_s, alarms, gone), page.revision


def _runs(pull: PullClient, name: str, silent_s: dict[str, float]) -> bool:
    """Whether `name` runs; adds to silent_s what nodes' silence is by now."""
    for node in pull.nodes().nodes:
        silent_s[node.name] = max(node.silent_s, silent_s.get(node.name, 0.0))
    return name in pull.declared().running
