"""What the store answers with, and how it refuses."""

from collections.abc import Mapping
from typing import NamedTuple

from services.core.errors import LabError
from services.core.model import Node, Placed
from services.store.seen import Beat

# What a writer expects of an object: nothing, that it is at this revision, or one of these two.
Expect = int | None
EXISTS = -1
ABSENT = 0


class Listing(NamedTuple):
    """Declared containers by name. running: container -> node where it serves.

    revision: of the last change of what is wanted or placed. version: of the topic.
    """

    placed: tuple[Placed, ...]
    running: Mapping[str, str]
    revision: int
    version: int


class Roll(NamedTuple):
    """Every node by name. heard: since the start, `uptime_s` seconds ago. awaited: only before."""

    heard: tuple[tuple[Node, Beat], ...]
    awaited: tuple[str, ...]
    uptime_s: float
    version: int


class Stats(NamedTuple):
    """Numbers for metrics. watchers: that wait just now. trouble: "" or why no write succeeds."""

    journal_bytes: int
    checkpoints: int
    commits: int
    changes: int
    last_batch: int
    largest_batch: int
    trouble: str
    containers: int
    placed: int
    running: int
    nodes_up: int
    nodes_down: int
    events: int
    watchers: int
    revision: int


class RevisionConflict(LabError):
    """A decision about something that is not any more as it was when it was decided.

    expected: a revision, EXISTS or ABSENT. actual: its revision, or ABSENT.
    """

    def __init__(self, what: str, name: str, expected: int, actual: int) -> None:
        super().__init__(
            f"{what} {name!r} {_is(actual)}, but was expected {_to_be(expected)}",
            hint=f"read {what} {name!r} again and decide anew",
        )
        self.what = what
        self.name = name
        self.expected = expected
        self.actual = actual


def check(what: str, name: str, expect: Expect, actual: int) -> None:
    """Raise RevisionConflict unless `expect` holds. actual: the revision, or ABSENT."""
    if expect is None or expect == actual or (expect == EXISTS and actual != ABSENT):
        return
    raise RevisionConflict(what, name, expect, actual)


def _is(revision: int) -> str:
    return "does not exist" if revision == ABSENT else f"is at revision {revision}"


def _to_be(revision: int) -> str:
    if revision == ABSENT:
        return "not to exist"
    return "to exist" if revision == EXISTS else f"at revision {revision}"
