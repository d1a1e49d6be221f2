"""The board: the latest view, for all pages at once, and what changed since a page saw it.

One thread folds and publishes; the thread of each page waits here for the next event.
"""

import json
import threading
import time
from typing import NamedTuple

from lab.stage.view import View, delta

# A page that missed more than these gets a snapshot: older keys that are gone are forgotten.
KEPT = 1000


class Event(NamedTuple):
    """One event of a stream: a snapshot, or a delta. id: of the view that it leads to."""

    id: str
    text: bytes


class Board:
    """Numbers its views 1, 2, … in a series; another series begins where the source changes."""

    def __init__(self, name: str) -> None:
        """name: of this board; two servers must not have the same."""
        self._name = name
        self._changed = threading.Condition()
        self._series = 0
        self._number = 0
        self._at_s = 0.0
        self._published_s = time.monotonic()
        self._view: View = {}
        # key -> the number under which it changed last.
        self._numbers: dict[str, int] = {}
        self._events: dict[int, Event] = {}
        self._closed = False

    def restart(self) -> None:
        """Begin another series: its first event is a snapshot."""
        with self._changed:
            self._series += 1
            self._number, self._view, self._numbers = 0, {}, {}

    def publish(self, view: View, at_s: float) -> None:
        """Make `view` the latest one, and wake all pages. at_s: now, by the run's clock."""
        with self._changed:
            changed, gone = delta(self._view, view)
            self._number += 1
            self._published_s = time.monotonic()
            self._view, self._at_s, self._events = view, at_s, {}
            self._numbers |= dict.fromkeys((*changed, *gone), self._number)
            if gone:
                oldest, numbers = self._number - KEPT, self._numbers.items()
                self._numbers = {k: n for k, n in numbers if k in view or n > oldest}
            self._changed.notify_all()

    def latest(self) -> tuple[View, float]:
        """Return the latest view, and when it was, by the run's clock."""
        with self._changed:
            return self._view, self._at_s

    def age_s(self) -> float:
        """Return for how long nothing was published; once a second something is."""
        with self._changed:
            return time.monotonic() - self._published_s

    def close(self) -> None:
        """End the streams of all pages."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    @property
    def closed(self) -> bool:
        return self._closed

    def next(self, seen: str, wait_s: float) -> Event | None:
        """Return what leads from the view of id `seen` to the latest one; waits for another one.

        seen: "" or an unknown id for a snapshot. None: there is none after wait_s.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._is_news(seen), wait_s)
            if self._closed or not self._is_news(seen):
                return None
            since = self._number_of(seen)
            if since not in self._events:
                self._events[since] = self._event(since)
            return self._events[since]

    @property
    def _prefix(self) -> str:
        return f"{self._name}{self._series}/"

    def _is_news(self, seen: str) -> bool:
        return self._number > 0 and seen != f"{self._prefix}{self._number}"

    def _number_of(self, seen: str) -> int:
        """Return the number of the id `seen` in this series; 0 where it is of another one."""
        number = seen.removeprefix(self._prefix)
        known = seen.startswith(self._prefix) and number.isascii() and number.isdigit()
        found = int(number) if known and len(number) < 10 else 0
        return found if self._number - KEPT < found < self._number else 0

    def _event(self, since: int) -> Event:
        changed = [key for key, number in self._numbers.items() if number > since]
        here = {key: self._view[key] for key in changed if key in self._view}
        data = {"at_s": round(self._at_s, 3)}
        if since:
            gone = [key for key in changed if key not in self._view]
            kind, content = "delta", {**data, "set": here, "gone": gone}
        else:
            kind, content = "snapshot", {**data, "view": here}
        name = f"{self._prefix}{self._number}"
        text = f"event: {kind}\nid: {name}\ndata: {json.dumps(content)}\n\n"
        return Event(name, text.encode())
