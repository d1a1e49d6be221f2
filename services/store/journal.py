"""Lines that tell whether they are whole, and the file that grows by them.

A line is `CRC32 JSON`. Those of a journal are `{"n": 7, "rows": {"wanted": {"web": {...}}}}`: the
sequence number of one change, and the rows that it left; null for one that it removed.
"""

import json
import zlib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from services.store.files import RealFiles

Row = dict[str, Any]
# Table name -> row id -> the row.
Tables = dict[str, dict[str, Row]]
# The same; None for a row that is no more.
Changes = dict[str, dict[str, Row | None]]


class Change(NamedTuple):
    """One transaction. size: of its line, in bytes."""

    number: int
    changes: Changes
    size: int


class Damage(NamedTuple):
    """Bytes of a journal that are not a line."""

    size: int


def encode(document: object) -> bytes:
    """Return the line for `document`. Raises TypeError and ValueError for what is not JSON."""
    body = json.dumps(document, separators=(",", ":"), allow_nan=False).encode()
    return b"%08x %b\n" % (zlib.crc32(body), body)


def decode(line: bytes) -> Any:
    """Return the document of a whole line, its end included. Raises ValueError for any other."""
    body = line[9:-1]
    if line[-1:] != b"\n" or line[:9] != b"%08x " % zlib.crc32(body):
        raise ValueError("a line that is torn or damaged")
    return json.loads(body)


def encode_change(number: int, changes: Changes) -> bytes:
    """Return the journal's line for change `number`. Raises as `encode` does."""
    return encode({"n": number, "rows": changes})


def parse(content: bytes) -> Iterator[Change | Damage]:
    """What a journal holds, in order. Never raises: what is no line is Damage."""
    for line in content.splitlines(keepends=True):
        try:
            document = decode(line)
            yield Change(document["n"], document["rows"], len(line))
        except (ValueError, TypeError, KeyError):
            yield Damage(len(line))


def apply(changes: Changes, tables: Tables) -> None:
    """Make `tables` what it is after `changes`; takes as long as there are changes."""
    for name, rows in changes.items():
        table = tables.setdefault(name, {})
        for row_id, row in rows.items():
            if row is None:
                table.pop(row_id, None)
            else:
                table[row_id] = row


class Journal:
    """A file that this process alone appends to, from its beginning on.

    usable: whether what is appended next will be found again. size: in bytes.
    """

    def __init__(self, files: RealFiles, path: Path) -> None:
        """Make the file; it has its name for good after the directory is synced."""
        self._files = files
        self.path = path
        self._handle = files.create(path)
        self.size = 0
        self.usable = True

    def append(self, lines: bytes) -> None:
        """Return when `lines` are on disk. Raises OSError; they may then be there or not.

        A write that failed is taken back. After a sync that failed nobody knows what is on the
        disk, and asking again would not tell: Linux reports a lost page once.
        """
        self.usable = False
        try:
            self._files.write(self._handle, lines)
        except OSError:
            with suppress(OSError):
                self._files.truncate(self._handle, self.size)
                # Some of the lines may be whole: a crash must not bring them back later.
                self._files.sync(self._handle)
                self.usable = True
            raise
        self._files.sync(self._handle)
        self.size += len(lines)
        self.usable = True

    def close(self) -> None:
        """Let go of the file."""
        self.usable = False
        with suppress(OSError):
            self._files.close(self._handle)
