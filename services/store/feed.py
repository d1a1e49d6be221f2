"""Tells log and watchers of every change, in the order of the revisions.

A change gets its revision before it goes to disk, and is told of afterwards. What is only in
memory and came meanwhile has a higher one, and waits here: who has read up to a revision would
otherwise miss what comes later with a lower one.
"""

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from services.core.model import Event
from services.store.events import EventLog, Happening
from services.store.limits import short
from services.store.versions import EVENTS, Versions


class _Told(NamedTuple):
    revision: int
    events: tuple[Event, ...]
    topics: tuple[str, ...]


class Feed:
    """Every method under the database's lock. now_s: monotonic."""

    def __init__(
        self,
        versions: Versions,
        log: EventLog,
        *,
        now_s: Callable[[], float],
        record: Callable[[Sequence[Event]], object],
    ) -> None:
        """record: called with the events of each change, beside the log."""
        self._versions = versions
        self._log = log
        self._now_s = now_s
        self._record = record
        self._on_the_way: deque[int] = deque()
        self._waiting: deque[_Told] = deque()

    def expect(self, revision: int) -> None:
        """A change with `revision`, the highest of all, is on its way to disk."""
        self._on_the_way.append(revision)

    def lost(self, revision: int) -> None:
        """It did not get there."""
        if revision in self._on_the_way:
            self._on_the_way.remove(revision)
        self._tell_waiting()

    def durable(self, revision: int, happened: Sequence[Happening], topics: Iterable[str]) -> None:
        """It is on disk: tell. Whatever was expected before it and did not come is lost."""
        told = self._told(revision, happened, topics)
        while self._on_the_way and self._on_the_way[0] < revision:
            self._on_the_way.popleft()
        self._tell_waiting()
        if self._on_the_way and self._on_the_way[0] == revision:
            self._on_the_way.popleft()
        self._tell(told)
        self._tell_waiting()

    def volatile(self, revision: int, happened: Sequence[Happening], topics: Iterable[str]) -> None:
        """Tell of what is only in memory, as soon as everything before it is told."""
        self._waiting.append(self._told(revision, happened, topics))
        self._tell_waiting()

    def _told(self, revision: int, happened: Sequence[Happening], topics: Iterable[str]) -> _Told:
        at = datetime.now(UTC).isoformat(timespec="milliseconds")
        now_s = round(self._now_s(), 3)
        events = tuple(
            Event(revision, at, now_s, *item._replace(reason=short(item.reason)))
            for item in happened
        )
        return _Told(revision, events, (*topics, EVENTS) if events else tuple(topics))

    def _tell_waiting(self) -> None:
        while self._waiting and not self._is_early(self._waiting[0].revision):
            self._tell(self._waiting.popleft())

    def _is_early(self, revision: int) -> bool:
        return bool(self._on_the_way) and self._on_the_way[0] < revision

    def _tell(self, told: _Told) -> None:
        self._log.add(told.events)
        self._record(told.events)
        # Last: who wakes up finds the events.
        self._versions.move(told.topics, told.revision)
