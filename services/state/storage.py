"""The files under TinyDB: a `Storage` in which what was written survives a `kill -9`.

TinyDB hands over all tables at each operation. What differs from the last commit is appended to a
file, and a commit has happened when that is on disk. A line is `CRC32 JSON`:

    {"format": 2, "n": 41, "rows": 2}                         begins the file of a generation
    ["container", "web", {...}]                               all rows at that time, one a line
    {"n": 42, "rows": {"container": {"web": null, ...}}}      each commit since; null: deleted

When the commits take more room than the rows, the next generation begins. The one before it stays
until then, in case the newest file is damaged: the lines of both are one log.
"""

import json
import os
import re
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from tinydb.storages import Storage

from services.core.errors import LabError

FORMAT = 2
SMALLEST_LIMIT_BYTES = 1024 * 1024
_CHUNK_BYTES = 64 * 1024
_KEPT_DAMAGED = 4
_NAME = re.compile(r"state-(\d{8})(|\.new|\.damaged)")

Row = dict[str, Any]
# Table -> row id -> row; None for a row that is deleted.
Tables = dict[str, dict[str, Row]]
Rows = dict[str, dict[str, Row | None]]
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
        recovered = _recover(folder)
        self.found = recovered.number > 0
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
            _sync_folder(self._folder)
        except BaseException:
            os.close(handle)
            for name in (half, final):
                with suppress(OSError):
                    name.unlink()
            raise
        return handle, size

    def _file(self, generation: int) -> Path:
        return self._folder / f"state-{generation:08}"


def encode(document: object) -> bytes:
    """Return the line for `document`. CRC-32 finds what a disk or a power cut damaged."""
    body = json.dumps(document, separators=(",", ":"), allow_nan=False).encode()
    return b"%08x %b\n" % (zlib.crc32(body), body)


def decode(line: bytes) -> Any:
    """Return the document of a whole line. Raises ValueError for any other."""
    body = line[9:-1]
    if line[-1:] != b"\n" or line[:9] != b"%08x " % zlib.crc32(body):
        raise ValueError("a line that is torn or damaged")
    return json.loads(body)


class _Recovered(NamedTuple):
    """What the files say. number: of the last commit. newest: generation of any file, 0 for none.
    used: the generation whose rows were taken."""

    tables: Tables
    number: int
    problem: str
    lost: bool
    newest: int
    used: int


def _recover(folder: Path) -> _Recovered:
    """Read the newest rows that are whole, and every commit since. Raises LabError and OSError."""
    files = _listed(folder, "")
    # Half-made files too: their names are taken.
    newest = max((*files, *_listed(folder, ".new"), *_listed(folder, ".damaged")), default=0)
    if not files:
        _refuse_others(folder)
        return _Recovered({}, 0, "", False, newest, newest + 1)
    notes: list[str] = []
    contents = {n: (folder / f"state-{n:08}").read_bytes().splitlines(True) for n in files}
    for used in reversed(files):
        begun = _begun(contents[used], folder)
        if begun is not None:
            break
        notes.append(f"the rows of generation {used} are damaged ({_set_aside(folder, used)})")
    else:
        raise LabError(
            f"no file in {folder} can be used: {'; '.join(notes)}",
            hint=f"look at them, then move {folder}/state-* away to start with nothing",
        )
    tables, number = begun
    lost = False
    for generation, lines in contents.items():
        number, bad = _replay(lines, tables, number)
        if bad and generation >= used:
            kept = _set_aside(folder, generation)
            notes.append(f"generation {generation}: {bad} bytes torn or damaged, dropped ({kept})")
            lost = True
    return _Recovered(tables, number, "; ".join(notes), lost, newest, used)


def _begun(lines: list[bytes], folder: Path) -> tuple[Tables, int] | None:
    """The rows that a file begins with, and their number; None if they are damaged.

    Raises LabError if another version wrote the file.
    """
    try:
        head = decode(lines[0])
        if head["format"] != FORMAT:
            raise _other_version(folder, f"format {head['format']!r}")
        end = 1 + head["rows"]
        tables: Tables = {}
        for line in lines[1:end]:
            name, row_id, row = decode(line)
            tables.setdefault(name, {})[row_id] = row
        return (tables, head["n"]) if len(lines) >= end else None
    except (IndexError, KeyError, TypeError, ValueError):
        return None


def _replay(lines: list[bytes], tables: Tables, number: int) -> tuple[int, int]:
    """Apply each commit after `number`, in order; return the last number, and the bytes of lines
    that are damaged, or follow on such a line."""
    bad = 0
    for line in lines:
        try:
            commit = decode(line)
        except ValueError:
            bad += len(line)
            continue
        if not isinstance(commit, dict) or "format" in commit or commit["n"] <= number:
            continue  # rows, or a commit that is in the rows already
        if commit["n"] > number + 1:
            bad += len(line)
            continue
        number += 1
        for name, rows in commit["rows"].items():
            table = tables.setdefault(name, {})
            for row_id, row in rows.items():
                if row is None:
                    table.pop(row_id, None)
                else:
                    table[row_id] = row
    return number, bad


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


def _listed(folder: Path, ending: str) -> list[int]:
    found = (_NAME.fullmatch(name) for name in os.listdir(folder))  # noqa: PTH208 - names
    return sorted(int(match[1]) for match in found if match and match[2] == ending)


def _set_aside(folder: Path, generation: int) -> str:
    """Give a damaged file a second name, for people to look at; return what became of it."""
    file = folder / f"state-{generation:08}"
    kept = file.with_name(f"{file.name}.damaged")
    try:
        if not kept.exists():
            kept.hardlink_to(file)
    except OSError as error:
        return f"cannot be kept aside: {error.strerror}"
    return f"kept as {kept.name}"


def _sweep(folder: Path, spare: int) -> None:
    """Delete what no opening needs, as far as that is possible."""
    with suppress(OSError):
        doomed = [f"state-{n:08}" for n in _listed(folder, "") if n < spare]
        doomed += [f"state-{n:08}.new" for n in _listed(folder, ".new")]
        doomed += [f"state-{n:08}.damaged" for n in _listed(folder, ".damaged")[:-_KEPT_DAMAGED]]
        for name in doomed:
            with suppress(OSError):
                (folder / name).unlink()


def _refuse_others(folder: Path) -> None:
    """Raise LabError if the state of another version is in `folder`."""
    names = set(os.listdir(folder))  # noqa: PTH208 - names, not paths
    if others := sorted(n for n in names if re.match(r"(checkpoint|journal)-\d|pull\.json", n)):
        raise _other_version(folder, others[0])


def _other_version(folder: Path, what: str) -> LabError:
    return LabError(
        f"{folder} has the state of another version ({what})",
        hint=f"use that version, or start with nothing: mv {folder} {folder}.old",
    )


def _write(handle: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(handle, rest) :]


def _sync_folder(folder: Path) -> None:
    """Return when the names in `folder` are on disk as they are now."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
