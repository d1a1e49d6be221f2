"""All tables in one file, as they were after one change, and its way to the disk.

The first line is `{"format": 1, "n": 7, "rows": 2, "lost": 0}`: the change's sequence number, how
many lines follow, and how many bytes of changes had to be dropped just before. Each other line is
`["wanted", "web", {...}]`. All are checked as a journal's are.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from services.store.files import RealFiles
from services.store.journal import Tables, decode, encode

FORMAT = 1
CHUNK_BYTES = 64 * 1024


class Checkpoint(NamedTuple):
    """The state after change `number`. lost_bytes: dropped just before."""

    number: int
    tables: Tables
    lost_bytes: int


def load(files: RealFiles, path: Path) -> Checkpoint:
    """Read a checkpoint. Raises ValueError, which says what is wrong, and OSError."""
    lines = files.read(path).splitlines(keepends=True)
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
        return Checkpoint(head["n"], tables, head["lost"])
    except (IndexError, KeyError, TypeError) as error:
        raise ValueError(f"not a checkpoint ({error})") from None


def save(files: RealFiles, path: Path, state: Checkpoint) -> int:
    """Write a new file that is on disk when this returns, but for its name; return its bytes.

    Raises OSError; there is then perhaps a part of it.
    """
    handle = files.create(path)
    size = 0
    try:
        for chunk in _chunks(state):
            files.write(handle, chunk)
            size += len(chunk)
        files.sync(handle)
    finally:
        files.close(handle)
    return size


def _chunks(state: Checkpoint) -> Iterator[bytes]:
    # In pieces, also because one dump of everything would not let another thread run meanwhile.
    count = sum(len(rows) for rows in state.tables.values())
    head = {"format": FORMAT, "n": state.number, "rows": count, "lost": state.lost_bytes}
    chunk = encode(head)
    for name, rows in state.tables.items():
        for row_id, row in rows.items():
            chunk += encode([name, row_id, row])
            if len(chunk) > CHUNK_BYTES:
                yield chunk
                chunk = b""
    yield chunk
