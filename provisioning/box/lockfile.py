"""The lock: every package of the box by version and hash, one a line, and what changed in it.

The names of the suites are in it, never a mirror's: each machine asks its own.
"""

import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from provisioning.box import packages
from services.core.errors import LabError

FILE = Path(__file__).with_name("packages.lock")
UPDATE = "lab box lock"
_HEAD = """\
# Every Debian package of the box. Made by `lab box lock`, which says what changed; not by hand.
# NAME VERSION ARCHITECTURE BYTES SHA256 FILE-IN-THE-ARCHIVE
# suites: {suites}
# asked: {asked}
"""
_FIELD = re.compile(r"^# (?P<name>suites|asked): (?P<value>.*)$", re.MULTILINE)
_SHA256 = re.compile(r"[0-9a-f]{64}")


class Deb(NamedTuple):
    """One package's file. file: where it lies below the root of Debian's archive."""

    name: str
    version: str
    arch: str
    size_b: int
    sha256: str
    file: str

    @property
    def ident(self) -> str:
        """Name, version and architecture, as in the name of its file."""
        return f"{self.name}_{self.version}_{self.arch}"


class Lock(NamedTuple):
    """suites: which ones were looked at. asked: packages.digest() of the names asked for."""

    suites: tuple[str, ...]
    asked: str
    debs: tuple[Deb, ...]


class Changes(NamedTuple):
    """What a new lock has against the old one, each sorted by name. rebuilt: same version,
    another file. moved: (old, new) with another version."""

    added: tuple[Deb, ...]
    removed: tuple[Deb, ...]
    moved: tuple[tuple[Deb, Deb], ...]
    rebuilt: tuple[Deb, ...]

    def __bool__(self) -> bool:
        return any(self)


class BadLock(LabError):
    """The lock cannot be read, or is not one of what the checkout asks for."""

    def __init__(self, file: Path, problem: str) -> None:
        super().__init__(f"{file.name}: {problem}", hint=f"make it anew: {UPDATE}")
        self.file = file
        self.problem = problem


def read(file: Path = FILE) -> Lock:
    """Return the lock in `file`. Raises BadLock, naming the line, where it is none."""
    if not file.exists():
        raise BadLock(file, "there is none")
    text = file.read_text()
    fields = {match["name"]: match["value"] for match in _FIELD.finditer(text)}
    if fields.keys() != {"suites", "asked"}:
        raise BadLock(file, "its head does not say for what it was made")
    numbered = enumerate(text.splitlines(), 1)
    debs = tuple(_deb(file, n, line) for n, line in numbered if line and line[0] != "#")
    names = [deb.name for deb in debs]
    if names != sorted(set(names)):
        raise BadLock(file, "packages are not sorted, or one is there twice")
    return Lock(tuple(fields["suites"].split()), fields["asked"], debs)


def current(file: Path = FILE) -> Lock:
    """Return the lock, which must have been made for today's packages.txt; else BadLock."""
    lock = read(file)
    if lock.asked != packages.digest(packages.wanted()):
        raise BadLock(file, f"{packages.FILE.name} or the suite has changed since it was made")
    return lock


def dump(lock: Lock) -> str:
    """Return `lock` as the text of its file: equal locks are equal bytes."""
    head = _HEAD.format(suites=" ".join(lock.suites), asked=lock.asked)
    return head + "".join(" ".join(map(str, deb)) + "\n" for deb in sorted(lock.debs))


def write(lock: Lock, file: Path = FILE) -> None:
    """Replace `file` by `lock`, whole or not at all."""
    part = file.with_name(f".{file.name}.part")
    try:
        with part.open("w") as new:
            new.write(dump(lock))
            new.flush()
            os.fsync(new.fileno())
        part.replace(file)
    finally:
        part.unlink(missing_ok=True)


def changes(old: Iterable[Deb], new: Iterable[Deb]) -> Changes:
    """Return what turns `old` into `new`."""
    before, after = ({deb.name: deb for deb in debs} for debs in (old, new))
    both = [(before[name], after[name]) for name in sorted(before.keys() & after.keys())]
    return Changes(
        added=tuple(after[name] for name in sorted(after.keys() - before.keys())),
        removed=tuple(before[name] for name in sorted(before.keys() - after.keys())),
        moved=tuple((one, two) for one, two in both if one.ident != two.ident),
        rebuilt=tuple(
            two for one, two in both if one.ident == two.ident and one.sha256 != two.sha256
        ),
    )


def _deb(file: Path, number: int, line: str) -> Deb:
    words = line.split()
    if (
        len(words) != len(Deb._fields)
        or not words[3].isdecimal()
        or not _SHA256.fullmatch(words[4])
    ):
        raise BadLock(file, f"line {number} is not NAME VERSION ARCHITECTURE BYTES SHA256 FILE")
    name, version, arch, size, sha256, path = words
    return Deb(name, version, arch, int(size), sha256, path)
