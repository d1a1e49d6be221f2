"""Where records come from: a file that is being written, or a run that was recorded.

Both give the records that are due by now, on the run's own clock.
"""

import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

from lab.history.history import FILE, read
from lab.history.record import DamagedLine, Record, load

_CHUNK_BYTES = 1 << 20
MOST_SPEED = 20.0

# Which playing of it: it changes when a replay is moved. And records, or sentences about damage.
Due = tuple[int, Sequence[Record | str]]


class Source(Protocol):
    """A history that is played. damage: sentences about it that are known from the beginning."""

    recorded: bool
    damage: Sequence[str]

    def due(self) -> Due:
        """Return what has come since the last call; all of it, if the playing is another one."""

    def now_s(self) -> float:
        """Return the seconds since the run began."""

    def extra(self) -> dict[str, Any]:
        """Return the keys of the view that are not of the history."""


class Tail:
    """Follows the history in `folder` while it is written, by whichever process."""

    recorded = False
    damage: Sequence[str] = ()

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._plays = self._at = self._number = 0
        self._half, self._before = b"", ""
        # A record is of no later time than it was read: so far ahead is the run's clock, at least.
        self._ahead_s = -time.monotonic()

    def due(self) -> Due:
        """Of a line that is not whole yet, the next call gives the record."""
        items: list[Record | str] = []
        with (self.folder / FILE).open("rb") as file:
            file.seek(self._at)
            while data := file.read(_CHUNK_BYTES):
                self._at += len(data)
                *lines, self._half = (self._half + data).split(b"\n")
                items += [self._load(line.decode(errors="replace")) for line in lines]
        return self._plays, items

    def rewind(self) -> None:
        """Let the next call of `due` give all of it again."""
        self._plays += 1
        self._at = self._number = 0
        self._half, self._before = b"", ""

    def now_s(self) -> float:
        return time.monotonic() + self._ahead_s

    def extra(self) -> dict[str, Any]:
        return {}

    def _load(self, line: str) -> Record | str:
        self._number += 1
        before, self._before = self._before, line
        try:
            record = load(line, before)
        except DamagedLine as error:
            return f"line {self._number}: {error}"
        self._ahead_s = max(self._ahead_s, record.at_s - time.monotonic())
        return record


class Replay:
    """Plays the recorded run in `folder` on a clock that a person moves, stops and hastens.

    Raises LabError where there is no history, or one without a beginning.
    """

    recorded = True

    def __init__(self, folder: Path) -> None:
        history = read(folder)
        self.damage: Sequence[str] = history.damage
        self.from_s = max(0.0, history.begin.at_s)
        self.to_s = max(record.at_s for record in history.records)
        self._records = history.records
        self._next = self._moves = 0
        self._paused, self._speed = False, 1.0
        self._at_s, self._since_s = self.from_s, time.monotonic()
        self._lock = threading.Lock()

    def due(self) -> Due:
        """A record of an earlier time than one before it comes right after that."""
        with self._lock:
            first, now_s = self._next, self._now_s()
            self._next += sum(1 for _ in self._until(now_s))
            return self._moves, self._records[first : self._next]

    def now_s(self) -> float:
        with self._lock:
            return self._now_s()

    def extra(self) -> dict[str, Any]:
        ends = {"from_s": round(self.from_s, 3), "to_s": round(self.to_s, 3)}
        return {"replay": {**ends, "paused": self._paused, "speed": self._speed}}

    def move(self, at_s: float | None, paused: bool | None, speed: float | None) -> None:
        """Go on at at_s, paused or not, so many times as fast; None: as it was."""
        with self._lock:
            self._at_s = self._now_s() if at_s is None else at_s
            self._since_s = time.monotonic()
            self._paused = self._paused if paused is None else paused
            self._speed = self._speed if speed is None else speed
            if at_s is not None:
                self._next, self._moves = 0, self._moves + 1

    def _now_s(self) -> float:
        passed_s = 0.0 if self._paused else (time.monotonic() - self._since_s) * self._speed
        return min(max(self._at_s + passed_s, self.from_s), self.to_s)

    def _until(self, now_s: float) -> Iterator[Record]:
        for record in self._records[self._next :]:
            if record.at_s > now_s:
                return
            yield record


class Interlude(Replay):
    """Plays a part of the recorded run in `folder`, once: instead of the lab, which is live."""

    def __init__(self, folder: Path, from_s: float, to_s: float) -> None:
        super().__init__(folder)
        self.from_s, self.to_s = from_s, min(to_s, self.to_s)
        self._at_s = from_s

    def extra(self) -> dict[str, Any]:
        """No replay that a person moves; and what is not there cannot be broken."""
        return {"control": None}

    @property
    def over(self) -> bool:
        return self.now_s() >= self.to_s
