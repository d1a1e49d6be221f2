"""The events of the state in memory, in the order of their revisions."""

from bisect import bisect_right
from collections.abc import Iterator
from operator import attrgetter

from services.core.model import Event
from services.state.keys import Item
from services.state.rows import load_event

_revision = attrgetter("revision")


class EventList:
    """Events with their keys, oldest first. Not for several threads at once."""

    def __init__(self) -> None:
        self._events: list[Event] = []
        self._keys: list[str] = []

    def __len__(self) -> int:
        return len(self._events)

    def __iter__(self) -> Iterator[Event]:
        return iter(self._events)

    def pairs(self) -> Iterator[tuple[Event, str]]:
        """Every event with its key."""
        return zip(self._events, self._keys, strict=True)

    def since(self, revision: int) -> tuple[Event, ...]:
        """Return the events after `revision`."""
        return tuple(self._events[bisect_right(self._events, revision, key=_revision) :])

    def oldest(self, otherwise: int) -> int:
        """Return the revision of the oldest event; `otherwise` if there is none."""
        return self._events[0].revision if self._events else otherwise

    def set(self, key: str, item: Item | None) -> Event | None:
        """Add the newest event, which is returned; None: drop the one of `key`."""
        if item is not None:
            self._events.append(load_event(item))
            self._keys.append(key)
            return self._events[-1]
        if key in self._keys:
            # Those that are dropped are among the oldest.
            place = self._keys.index(key)
            del self._events[place], self._keys[place]
        return None
