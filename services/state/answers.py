"""What the state answers with, what it refuses, and how much it takes."""

from collections.abc import Mapping
from typing import NamedTuple

from services.core.errors import LabError
from services.core.model import Node, Placed, UnitState
from services.state.keys import ABSENT as ABSENT

# What a writer expects of an object: nothing, that it is at this revision, or one of these two.
Expect = int | None
EXISTS = -1

# Kinds of events.
WANTED = "wanted"
UNWANTED = "unwanted"
PLACED = "placed"
UNPLACED = "unplaced"
RUNNING = "running"
STOPPED = "stopped"
NODE_UP = "node-up"
NODE_DOWN = "node-down"
NODE_LEAVING = "node-leaving"
NODE_FORGOTTEN = "node-forgotten"
NODE_REFUSED = "node-refused"
CORDONED = "cordoned"
UNCORDONED = "uncordoned"
DRAINING = "draining"
REPAIRED = "repaired"

# Of why something was done: a sentence, not a book.
REASON_CHARACTERS = 300


class Limits(NamedTuple):
    """Counts. nodes: that may ever speak. events: kept. topics: watched ones remembered apart."""

    containers: int = 20_000
    nodes: int = 1_000
    events: int = 10_000
    topics: int = 20_000


DEFAULT_LIMITS = Limits()


class Happening(NamedTuple):
    """An event before it has its place in the order. node: where, or ""."""

    kind: str
    subject: str
    node: str
    reason: str


class Beat(NamedTuple):
    """The last sign of life of one node.

    at_s: monotonic, for deciding. wall: ISO 8601 in UTC, for people. running: as it reported.
    """

    at_s: float
    wall: str
    running: Mapping[str, UnitState]


class Listing(NamedTuple):
    """Declared containers by name. running: container -> node where it serves.

    revision: of the last change of what is wanted or placed. version: of the topic.
    """

    placed: tuple[Placed, ...]
    running: Mapping[str, str]
    revision: int
    version: int


class Roll(NamedTuple):
    """Every node by name. heard: since the start, `uptime_s` seconds ago. awaited: only before.

    left, unheard: node -> containers, and hold_s: see services.core.messages.NodeList.
    """

    heard: tuple[tuple[Node, Beat], ...]
    awaited: tuple[str, ...]
    uptime_s: float
    version: int
    left: Mapping[str, list[str]]
    unheard: Mapping[str, list[str]]
    hold_s: float


class Stats(NamedTuple):
    """Numbers for metrics. of_keys: as the store counts, by name."""

    containers: int
    placed: int
    running: int
    nodes_up: int
    nodes_down: int
    events: int
    revision: int
    of_keys: Mapping[str, int]


class RevisionConflict(LabError):
    """A decision about something that has changed since it was decided.

    expected: a revision, EXISTS or ABSENT. actual: its revision, or ABSENT.
    """

    def __init__(self, what: str, name: str, expected: int, actual: int) -> None:
        super().__init__(
            f"{what} {name!r} {_is(actual)}, but was expected {_to_be(expected)}",
            hint=f"read {what} {name!r} again, then decide again",
        )
        self.what = what
        self.name = name
        self.expected = expected
        self.actual = actual


class LimitReached(LabError):
    """One more than the state takes."""

    def __init__(self, what: str, limit: int) -> None:
        super().__init__(
            f"there are {limit} {what} already, and that is the limit",
            hint=f"remove some {what} that are not needed",
        )
        self.what = what
        self.limit = limit


class Forgotten(LabError):
    """A node speaks that was declared dead."""

    def __init__(self, node: str) -> None:
        super().__init__(
            f"node {node!r} was declared dead, and has not said that it runs nothing",
            # Its agent starts again what a person stops: it goes on from what it remembers.
            hint="boot it again: it runs nothing then, and joins as a new node",
        )
        self.node = node


class TwoMachines(LabError):
    """A machine speaks under the name of another one, which is alive."""

    def __init__(self, node: str, stored_s: float) -> None:
        super().__init__(
            f"another machine speaks as node {node!r}, and did so {stored_s:.1f} s ago",
            hint=f"give each machine a name and a token of its own; if the other one is dead: "
            f"lab forget {node}",
        )
        self.node = node


def check(what: str, name: str, expect: Expect, actual: int) -> None:
    """Raise RevisionConflict unless `expect` holds. actual: the revision, or ABSENT."""
    if expect is None or expect == actual or (expect == EXISTS and actual != ABSENT):
        return
    raise RevisionConflict(what, name, expect, actual)


def short(reason: str) -> str:
    """Return `reason`, cut if it is too long."""
    return reason if len(reason) <= REASON_CHARACTERS else f"{reason[: REASON_CHARACTERS - 1]}…"


def _is(revision: int) -> str:
    return "does not exist" if revision == ABSENT else f"is at revision {revision}"


def _to_be(revision: int) -> str:
    if revision == ABSENT:
        return "not to exist"
    return "to exist" if revision == EXISTS else f"at revision {revision}"
