"""The files under TinyDB: a `Storage` in which what was written survives a `kill -9`.

TinyDB hands over all tables at each operation. What differs from the last commit is appended to a
file, and a commit has happened when that is on disk. A line is `CRC32 JSON`:

    {"format": 2, "n": 41, "rows": 2}                         begins the file of a generation
    ["container", "web", {...}]                               all rows at that time, one a line
    {"n": 42, "rows": {"container": {"web": null, ...}}}      each commit since; null: deleted

When the commits take more room than the rows, the next generation begins. The one before it stays
until then, in case the newest file is damaged: the lines of both are one log.
"""

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

from tinydb.storages import Storage

from services.lib.durable import sync_folder
from services.state.recovery import FORMAT, Row, Rows, Tables, encode, listed, recover

SMALLEST_LIMIT_BYTES = 1024 * 1024
_CHUNK_BYTES = 64 * 1024
_KEPT_DAMAGED = 4

T = TypeVar("T")
# Runs what blocks for the disk, where it does not stop everything else.
Offload = Callable[[Callable[[], T]], T]


def call_here(function: Callable[[], T]) -> T:
    """Return what `function` returns."""
    return function()


class DurableStorage(Storage):
    """What TinyDB reads and writes, and `commit`, which makes it durable. One thread at a time.

    found: whether there was anything at opening. problem: "" or what was damaged then. lost:
    whether commits that had been acknowledged may be missing. size: of the file, in bytes.
    """

    def __init__(self, folder: Path, offload: Offload[Any] = call_here) -> None:
        """Open the files in `folder`, which exists. Raises LabError and OSError."""
        self._folder = folder
        self._offload = offload
        recovered = recover(folder)
        self.found = recovered.used <= recovered.newest
        self.problem, self.lost = recovered.problem, recovered.lost
        self._committed = self._written = recovered.tables
        self._number = recovered.number
        self._generation = recovered.newest
        self._spare = recovered.used
        self._handle = -1
        self.size = self._limit = self.generations = 0
        self._begin()

    def read(self) -> Tables:
        """Return all tables as last written."""
        return dict(self._written)

    def write(self, data: Tables) -> None:
        """Take all tables; nothing is durable before `commit`."""
        self._written = data

    def rollback(self) -> None:
        """Forget what was written since the last commit."""
        self._written = self._committed

    def commit(self, changed: Iterable[str]) -> None:
        """Return when what was written is on disk, in a file that still has its name.

        changed: tables that may differ from the last commit. Raises OSError; what was written
        stays, and may be committed again or rolled back.
        """
        rows = _difference(self._committed, self._written, changed)
        if not rows:
            return
        line = encode({"n": self._number + 1, "rows": rows})
        if self._handle < 0 or not self._offload(lambda: self._append(line)):
            # All there is goes into a new file, this commit among it.
            self._begin()
        self._committed = self._written
        self._number += 1
        if self.size > self._limit:
            # So a commit costs the same, however many rows there are.
            self._limit = 2 * self._limit
            with suppress(OSError):
                self._begin()

    def close(self) -> None:
        """Let go of the file."""
        handle, self._handle = self._handle, -1
        if handle >= 0:
            os.close(handle)

    def _append(self, line: bytes) -> bool:
        """Write and sync `line`; return False if the file has been deleted or replaced."""
        try:
            _write(self._handle, line)
            # Writes the new size of a file that grew, too. macOS has only fsync.
            getattr(os, "fdatasync", os.fsync)(self._handle)
        except OSError:
            # Linux reports a page that it could not write once: to sync again proves nothing.
            self.close()
            raise
        self.size += len(line)
        opened = os.fstat(self._handle)
        try:
            named = self._file(self._generation).stat()
        except OSError:
            return False
        return (named.st_dev, named.st_ino) == (opened.st_dev, opened.st_ino)

    def _begin(self) -> None:
        """Begin a generation with all that is written. Raises OSError; the file before goes on."""
        number = self._number + (self._written is not self._committed)
        self._generation += 1
        handle, size = self._offload(lambda: self._prepare(self._generation, number))
        self.close()
        self._handle, self.size = handle, size
        self._limit = 2 * size + SMALLEST_LIMIT_BYTES
        spare, self._spare = self._spare, self._generation
        self.generations += 1
        self._offload(lambda: _sweep(self._folder, spare))

    def _prepare(self, generation: int, number: int) -> tuple[int, int]:
        final = self._file(generation)
        half = final.with_name(f"{final.name}.new")
        handle = os.open(half, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
        try:
            size = 0
            for chunk in _chunks(self._written, number):
                _write(handle, chunk)
                size += len(chunk)
            os.fsync(handle)
            half.replace(final)
            sync_folder(str(self._folder))
        except BaseException:
            os.close(handle)
            for name in (half, final):
                with suppress(OSError):
                    name.unlink()
            raise
        return handle, size

    def _file(self, generation: int) -> Path:
        return self._folder / f"state-{generation:08}"


def _difference(before: Tables, after: Tables, names: Iterable[str]) -> Rows:
    """What changed, by identity: a row that changes is another object (embedded.py sees to it)."""
    rows: Rows = {}
    for name in names:
        old, new = before.get(name, {}), after.get(name, {})
        changed: dict[str, Row | None] = {
            row_id: row for row_id, row in new.items() if old.get(row_id) is not row
        }
        changed |= dict.fromkeys(old.keys() - new.keys())
        if changed:
            rows[name] = changed
    return rows


def _chunks(tables: Tables, number: int) -> Iterator[bytes]:
    # In pieces, so that other threads run meanwhile.
    chunk = encode({"format": FORMAT, "n": number, "rows": sum(map(len, tables.values()))})
    for name, rows in tables.items():
        for row_id, row in rows.items():
            chunk += encode([name, row_id, row])
            if len(chunk) > _CHUNK_BYTES:
                yield chunk
                chunk = b""
    yield chunk


def _sweep(folder: Path, spare: int) -> None:
    """Delete what no opening needs, as far as that is possible."""
    with suppress(OSError):
        doomed = [f"state-{n:08}" for n in listed(folder, "") if n < spare]
        doomed += [f"state-{n:08}.new" for n in listed(folder, ".new")]
        doomed += [f"state-{n:08}.damaged" for n in listed(folder, ".damaged")[:-_KEPT_DAMAGED]]
        for name in doomed:
            with suppress(OSError):
                (folder / name).unlink()


def _write(handle: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(handle, rest) :]
