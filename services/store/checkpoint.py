"""All tables in one file, as they were after one change, and its way to the disk.

The first line is `{"format": 1, "n": 7, "rows": 2}`: the change's sequence number and how many
lines follow; each of those is `["wanted", "web", {...}]`. All are checked as a journal's are.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from services.store.files import RealFiles
from services.store.journal import Tables, decode, encode

FORMAT = 1
CHUNK_BYTES = 64 * 1024


class Checkpoint(NamedTuple):
    """The state after change `number`. size: of its file, in bytes."""

    number: int
    tables: Tables
    size: int


def load(files: RealFiles, path: Path) -> Checkpoint:
    """Read a checkpoint. Raises ValueError, which says what is wrong, and OSError."""
    content = files.read(path)
    lines = content.splitlines(keepends=True)
    try:
        head = decode(lines[0])
        if head["format"] != FORMAT:
            raise ValueError(f"format {head['format']!r} is not known here")
        if head["rows"] != len(lines) - 1:
            raise ValueError(f"{len(lines) - 1} rows of {head['rows']}")
        tables: Tables = {}
        for line in lines[1:]:
            name, row_id, row = decode(line)
            tables.setdefault(name, {})[row_id] = row
        return Checkpoint(head["n"], tables, len(content))
    except (IndexError, KeyError, TypeError) as error:
        raise ValueError(f"not a checkpoint ({error})") from None


def save(files: RealFiles, path: Path, number: int, tables: Tables) -> int:
    """Write a new file that is on disk when this returns, but for its name; return its bytes.

    Raises OSError; there is then perhaps a part of it.
    """
    handle = files.create(path)
    size = 0
    try:
        for chunk in _chunks(number, tables):
            files.write(handle, chunk)
            size += len(chunk)
        files.sync(handle)
    finally:
        files.close(handle)
    return size


def _chunks(number: int, tables: Tables) -> Iterator[bytes]:
    # In pieces, also because one dump of everything would not let another thread run meanwhile.
    count = sum(len(rows) for rows in tables.values())
    chunk = encode({"format": FORMAT, "n": number, "rows": count})
    for name, rows in tables.items():
        for row_id, row in rows.items():
            chunk += encode([name, row_id, row])
            if len(chunk) > CHUNK_BYTES:
                yield chunk
                chunk = b""
    yield chunk
