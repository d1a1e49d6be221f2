"""Write a history while it happens, and read it back, damaged or not."""

import fcntl
import os
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, count
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Any

from lab.history.record import READABLE, VERSION, DamagedLine, Record, dump, load
from services.core.errors import LabError

FILE = "history.jsonl"


class Writer:
    """Appends records to the file of one run, from any thread.

    A record is with the kernel when `put` returns, so it survives a `kill -9` of this process. A
    disk that is full ends the record, not the run: `check` raises what went wrong. The file is
    locked for as long as it is written; see `is_written`.
    """

    def __init__(self, folder: Path) -> None:
        self.began_s = time.monotonic()
        self.path = folder / FILE
        self._file = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o644)
        # The kernel releases it when this process ends, however it ends.
        fcntl.flock(self._file, fcntl.LOCK_EX)
        self._lock = threading.Lock()
        self._before = ""
        self._failure: OSError | None = None

    def __enter__(self) -> "Writer":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        why = "complete" if kind is None else "error" if kind is not KeyboardInterrupt else ""
        text = "" if error is None else str(error)
        with self._lock:
            self._put("end", self.now_s(), 0.0, {"why": why or "interrupted", "text": text})
            os.close(self._file)
            # A thread that is late must not write into what is opened next.
            self._failure = self._failure or OSError("the record has its end")

    def now_s(self) -> float:
        """Return the seconds since the run began."""
        return time.monotonic() - self.began_s

    def put(
        self, kind: str, *, at_s: float | None = None, error_s: float = 0.0, **fields: Any
    ) -> None:
        """Append a record. at_s: None: it happened now, on this computer."""
        with self._lock:
            # Read within the lock: what happens here is in the order of its times.
            self._put(kind, self.now_s() if at_s is None else at_s, error_s, fields)

    def _put(self, kind: str, at_s: float, error_s: float, fields: dict[str, Any]) -> None:
        if self._failure:
            return
        line = dump(Record(kind, at_s, error_s, MappingProxyType(fields)), self._before)
        data = f"{line}\n".encode()
        try:
            if os.write(self._file, data) < len(data):
                raise OSError("no space left on device")
            self._before = line
        except OSError as error:
            self._failure = error

    def check(self) -> None:
        """Raise LabError if a record could not be written."""
        if self._failure:
            raise LabError(
                f"the history cannot be written any more: {self._failure}",
                hint=f"make room on the disk of {self.path}, then run the experiment again",
            )


def is_written(path: Path) -> bool:
    """Return whether a process is writing the history in the file `path`."""
    try:
        with path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def new_folder(parent: Path) -> Path:
    """Make and return a folder in `parent` for a history that begins now, named after the time."""
    parent.mkdir(parents=True, exist_ok=True)
    now = time.strftime("%Y%m%d-%H%M%S")
    # One that ended within a second has the same time.
    names = chain([now], (f"{now}-{number}" for number in count(2)))
    folder = next(parent / one for one in names if not (parent / one).exists())
    folder.mkdir()
    return folder


@dataclass(frozen=True)
class History:
    """What a file says. damage: a sentence for each line that is not as it was written."""

    records: tuple[Record, ...]
    damage: tuple[str, ...]

    def of(self, kind: str, **fields: Any) -> Iterator[Record]:
        """Return the records of `kind` whose fields are `fields`, in the order of the file."""
        key = (kind, *fields.items())
        if key not in self._found:
            asked = fields.items()
            self._found[key] = [
                r for r in self.records if r.kind == kind and asked <= r.fields.items()
            ]
        return iter(self._found[key])

    @cached_property
    def _found(self) -> dict[tuple[object, ...], Sequence[Record]]:
        """What was asked for before: checks ask the same again and again."""
        return {}

    @property
    def begin(self) -> Record:
        """The first record; raises LabError where it is missing: nothing can be said then."""
        if not self.records or self.records[0].kind != "begin":
            raise LabError(
                f"this history does not begin: {'; '.join(self.damage) or 'it is empty'}",
                hint="lab run writes another one",
            )
        return self.records[0]


def read(path: Path) -> History:
    """Return the history in the file `path`, or in that folder. Raises LabError without one."""
    file = path / FILE if path.is_dir() else path
    try:
        text = file.read_text(errors="replace")
    except OSError as error:
        raise LabError(
            f"no history: {error}", hint="lab report --list shows the runs of this checkout"
        ) from None
    return parse(text)


def parse(text: str) -> History:
    """Return the history in `text`. What is damaged is left out, and named."""
    records, damage, before = [], [], ""
    lines = text.split("\n")
    for number, line in enumerate(lines, 1):
        if number == len(lines) and not line:
            continue
        try:
            records.append(load(line, before))
        except DamagedLine as error:
            damage.append(f"line {number}: {error}")
        before = line
    version = records[0].fields.get("version") if records else VERSION
    if records and records[0].kind == "begin" and version not in READABLE:
        # Its lines may lack what this version needs; that is no damage of theirs.
        damage = [f"it is of version {version}, and this lab reads version {VERSION}"]
    if not records or records[-1].kind != "end":
        damage.append("it has no end: the run was killed, or the file was cut off")
    return History(tuple(records), tuple(damage))
