"""What the files of a state say when they are opened; see storage.py for what is in them.

The newest rows that are whole count, and every commit since, of whichever file.
"""

import json
import os
import re
import zlib
from pathlib import Path
from typing import Any, NamedTuple

from services.core.errors import LabError

FORMAT = 2
_NAME = re.compile(r"state-(\d{8})(|\.new|\.damaged)")

Row = dict[str, Any]
# Table -> row id -> row; None for a row that is deleted.
Tables = dict[str, dict[str, Row]]
Rows = dict[str, dict[str, Row | None]]


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


class Recovered(NamedTuple):
    """What the files say. number: of the last commit. newest: generation of any file, 0 for none.
    used: the generation whose rows were taken; higher than `newest` if there was no file."""

    tables: Tables
    number: int
    problem: str
    lost: bool
    newest: int
    used: int


def recover(folder: Path) -> Recovered:
    """Read the newest rows that are whole, and every commit since. Raises LabError and OSError."""
    files = listed(folder, "")
    # Half-made files too: their names are taken.
    newest = max((*files, *listed(folder, ".new"), *listed(folder, ".damaged")), default=0)
    if not files:
        _refuse_others(folder)
        return Recovered({}, 0, "", False, newest, newest + 1)
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
    return Recovered(tables, number, "; ".join(notes), lost, newest, used)


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


def listed(folder: Path, ending: str) -> list[int]:
    """The generations of which there is a file with that ending, oldest first. Raises OSError."""
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
