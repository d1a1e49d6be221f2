"""What happened, in the order of revisions: the newest events, for people and watchers.

Beside the state, not in it: no decision is made from them.
"""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from operator import attrgetter
from typing import NamedTuple

from services.core.messages import EventPage
from services.core.model import Event

WANTED = "wanted"
UNWANTED = "unwanted"
PLACED = "placed"
UNPLACED = "unplaced"
RUNNING = "running"
STOPPED = "stopped"
NODE_UP = "node-up"
NODE_DOWN = "node-down"
NODE_LEAVING = "node-leaving"
CORDONED = "cordoned"
UNCORDONED = "uncordoned"
DRAINING = "draining"
REPAIRED = "repaired"

# A container that starts and stops all the time makes any number of these.
_NOISE = (RUNNING, STOPPED)
# This share of the events is kept as it happened; the same share is free after a clearance.
_SHARE = 10

_revision = attrgetter("revision")


class Happening(NamedTuple):
    """An event before it has its place in the order. node: where, or ""."""

    kind: str
    subject: str
    node: str
    reason: str


class EventLog:
    """The newest events, at most `most` of them.

    What is too much is dropped: first, beyond the newest tenth, every `running` and `stopped` of
    a container of which there is a newer one; then the oldest. Not for several threads at once.
    """

    def __init__(self, kept: Iterable[Event], dropped: int, *, most: int) -> None:
        """kept: of earlier runs, in order. dropped: events up to this revision may be missing."""
        self._most = most
        self._events = list(kept)
        self._dropped = dropped
        self._trim()

    def __len__(self) -> int:
        return len(self._events)

    def add(self, events: Sequence[Event]) -> None:
        """Append the events of one change, newer than all there are."""
        self._events += events
        self._trim()

    def kept(self) -> tuple[tuple[Event, ...], int]:
        """Return all events, and up to which revision some may be missing."""
        return tuple(self._events), self._dropped

    def since(self, revision: int, last: int) -> EventPage:
        """Return what happened after `revision`. last: the revision of the last change."""
        events = self._events[bisect_right(self._events, revision, key=_revision) :]
        oldest = self._events[0].revision if self._events else last
        return EventPage(tuple(events), last, oldest, revision < self._dropped)

    def _trim(self) -> None:
        if len(self._events) <= self._most:
            return
        share = self._most // _SHARE
        recent = self._events[-share:] if share else []
        old = self._events[: len(self._events) - share]
        kept = _without_noise(old, {e.subject for e in recent if e.kind in _NOISE})
        kept = kept[max(0, len(kept) + len(recent) - (self._most - share)) :]
        gone = set(map(id, old)) - set(map(id, kept))
        self._dropped = max(self._dropped, *(e.revision for e in old if id(e) in gone))
        self._events = kept + recent


def _without_noise(events: Sequence[Event], newer: set[str]) -> list[Event]:
    """`events` but for those of which there is a newer one, here or in `newer`."""
    kept = []
    for event in reversed(events):
        if event.kind in _NOISE:
            if event.subject in newer:
                continue
            newer.add(event.subject)
        kept.append(event)
    return kept[::-1]
