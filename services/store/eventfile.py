"""The events, once more on disk, so that they survive a restart.

One file beside the state, whose lines are checked as a journal's are. Nothing waits for the disk:
what a power cut takes away is missing, and what is missing is said to be.

    {"epoch": "…", "dropped": 7}     begins the file: what older events are not here
    [8, "2026-…", 12.5, "wanted", "web", "", "declared"]
    {"closed": 7}                    ends what an orderly stop left: nothing is missing
"""

import threading
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from typing import NamedTuple

from services.core.model import Event
from services.store.journal import decode, encode

NAME = "events"
# Beyond this the file is written anew, with what is still kept, and may then double.
SMALLEST_LIMIT_BYTES = 1024 * 1024


class Kept(NamedTuple):
    """Events in order, and up to which revision some may be missing."""

    events: tuple[Event, ...]
    dropped: int


class EventFile:
    """The file of one process.

    reading: the database's lock, under which `snapshot` returns what the log keeps. No method
    raises OSError: events are worth less than what they tell of. What could not be written is
    made up for when the file is written anew.
    """

    def __init__(
        self,
        directory: Path,
        epoch: str,
        reading: Callable[[], AbstractContextManager[None]],
        snapshot: Callable[[], Kept],
    ) -> None:
        self._path = directory / NAME
        self._epoch = epoch
        self._reading = reading
        self._snapshot = snapshot
        self._lock = threading.Lock()
        self._pending: list[Event] = []
        self._whole = False
        self._size = self._limit = 0

    def add(self, events: Sequence[Event]) -> None:
        """Have `events` written by the next `flush`. Under the database's lock."""
        self._pending += events

    def flush(self) -> None:
        """Write what was added. Not to be called under the database's lock."""
        if self._pending and self._lock.acquire(blocking=False):
            # Whoever cannot have it leaves the rest to the next flush.
            try:
                self._write()
            finally:
                self._lock.release()

    def begin(self) -> None:
        """Write the file anew, so that it says no longer that nothing is missing."""
        with self._lock:
            self._write()
            if not self._whole:
                with suppress(OSError):
                    self._path.unlink()

    def close(self) -> None:
        """Write all there is, and that it is all."""
        with self._lock:
            self._write()
            if self._whole:
                with suppress(OSError):
                    self._append(encode({"closed": self._snapshot().dropped}))

    def _write(self) -> None:
        try:
            if self._whole and self._size <= self._limit:
                with self._reading():
                    events, self._pending = self._pending, []
                self._append(_lines(events))
            else:
                self._write_anew()
            self._whole = True
        except OSError:
            # The next flush writes it anew, if there is room again.
            self._whole = False

    def _append(self, content: bytes) -> None:
        # Opened each time: there is nothing to hold on to, and flushes are rare.
        with self._path.open("ab") as file:
            file.write(content)
        self._size += len(content)

    def _write_anew(self) -> None:
        """Replace the file once the new one is whole."""
        with self._reading():
            self._pending = []
            kept = self._snapshot()
        half = self._path.with_name(f"{NAME}.new")
        content = encode({"epoch": self._epoch, "dropped": kept.dropped}) + _lines(kept.events)
        half.write_bytes(content)
        half.replace(self._path)
        self._size = len(content)
        self._limit = 2 * self._size + SMALLEST_LIMIT_BYTES


def load(directory: Path, epoch: str, start: int) -> Kept:
    """Return the events of the store `epoch` that earlier processes left.

    start: no revision was given out beyond. Lines that are damaged are skipped; then, and after
    a process that was killed, some events up to `start` may be missing. Never raises.
    """
    try:
        lines = (directory / NAME).read_bytes().splitlines(keepends=True)
        head = decode(lines[0])
        if head["epoch"] != epoch:
            return Kept((), start)
    except (OSError, ValueError, IndexError, KeyError, TypeError):
        return Kept((), start)
    found = [_decoded(line) for line in lines[1:]]
    events = tuple(item for item in found if isinstance(item, Event) and item.revision <= start)
    last = found[-1] if found and None not in found else None
    return Kept(events, last if isinstance(last, int) else start)


def _decoded(line: bytes) -> Event | int | None:
    """An event, or what the last line says; None for a line that is neither."""
    try:
        document = decode(line)
        return int(document["closed"]) if isinstance(document, dict) else Event(*document)
    except (ValueError, KeyError, TypeError):
        return None


def _lines(events: Sequence[Event]) -> bytes:
    return b"".join(encode(list(event)) for event in events)
