"""What was done to the lab and is not undone yet: a file for each target of each fault.

Written before a fault acts, so that what was killed in the middle can be undone, and deleted once
no trace was found. `lab heal` finds faults without it, and checks what is in it.
"""

import json
import os
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from secrets import token_hex
from typing import Any, NamedTuple

from lab import paths
from lab.faults.plan import Command
from services.core.fields import decode
from services.lib.durable import sync_folder


class Hurt(NamedTuple):
    """One fault on one machine. id: short, unique in the ledger.

    began: time of day as ISO 8601. until_s: Unix time at which it was to end; None: at `lab heal`.
    """

    id: str
    fault: str
    target: str
    options: Mapping[str, str]
    seed: int
    undo: tuple[Command, ...]
    gone: tuple[Command, ...]
    began: str
    until_s: float | None

    def __str__(self) -> str:
        return f"{self.fault} on {self.target} ({self.id}, since {self.began})"


class Ledger(NamedTuple):
    """hurts: in the order of their beginning. unreadable: files that are torn, or not ours."""

    hurts: tuple[Hurt, ...]
    unreadable: tuple[Path, ...]


def folder() -> Path:
    """Return the folder of the ledger."""
    return paths.STATE / "faults"


def write(hurt: Hurt) -> None:
    """Make `hurt` durable. Raises OSError."""
    folder().mkdir(parents=True, exist_ok=True, mode=0o700)
    half = folder() / f"{hurt.id}.new"
    record = hurt._asdict()
    for field in ("undo", "gone"):
        record[field] = [command._asdict() for command in record[field]]
    with half.open("w") as file:
        file.write(json.dumps(record, indent=1) + "\n")
        file.flush()
        os.fsync(file.fileno())
    half.replace(folder() / f"{hurt.id}.json")
    sync_folder(str(folder()))


def read() -> Ledger:
    """Return what the ledger says, and the files that cannot be read.

    Fields that are not known, of a newer version, say nothing.
    """
    hurts, unreadable = [], []
    for file in sorted(folder().glob("*.json")):
        try:
            hurts.append(_hurt(decode(file.read_text()), file.stem))
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            unreadable.append(file)
    return Ledger(tuple(sorted(hurts, key=lambda hurt: hurt.began)), tuple(unreadable))


def has(hurt_id: str) -> bool:
    """Return whether there is an entry of that id."""
    return (folder() / f"{hurt_id}.json").exists()


def remove(hurt_id: str) -> None:
    """Delete an entry. Idempotent."""
    (folder() / f"{hurt_id}.json").unlink(missing_ok=True)


def clear() -> None:
    """Delete every entry: the machines that they are about are no more."""
    for file in [*folder().glob("*.json"), *folder().glob("*.new")]:
        file.unlink(missing_ok=True)


def new_id() -> str:
    """Return an id that no entry has."""
    while True:
        fresh = token_hex(2)
        if not (folder() / f"{fresh}.json").exists():
            return fresh


def now() -> str:
    """Return `began` of a hurt that begins now."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def _hurt(data: Any, stem: str) -> Hurt:
    """Raises ValueError, KeyError or TypeError for what is no entry."""
    if data["id"] != stem:
        raise ValueError("an entry under another name")
    until_s = data["until_s"]
    return Hurt(
        stem,
        str(data["fault"]),
        str(data["target"]),
        {str(key): str(value) for key, value in data["options"].items()},
        int(data["seed"]),
        _commands(data["undo"]),
        _commands(data["gone"]),
        str(data["began"]),
        None if until_s is None else float(until_s),
    )


def _commands(data: Any) -> tuple[Command, ...]:
    return tuple(
        Command(
            str(one["where"]),
            tuple(str(word) for word in one["argv"]),
            str(one.get("why", "")),
            float(one.get("timeout_s", 10.0)),
        )
        for one in data
    )
