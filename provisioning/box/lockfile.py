"""The locks of Debian packages: each by version and hash, written as pip writes its own.

`NAME.lock` is what the names in `NAME.txt` came to. No mirror is named: each machine asks its own.
"""

import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from provisioning.box import packages
from services.core.errors import LabError

# What the guest is made of, and what makes a box of it.
GUEST = Path(__file__).with_name("packages.lock")
TOOLS = Path(__file__).with_name("tools.lock")
UPDATE = "lab box lock"
_HEAD = """\
# Debian packages. Made by `{update}`, which says what changed; not by hand.
# asked: {asked}
"""
_ASKED = re.compile(r"^# asked: (.*)$", re.MULTILINE)
_PIN = re.compile(r"^(\S+)==(\S+) \\\n    --hash=sha256:([0-9a-f]{64})$", re.MULTILINE)


class Deb(NamedTuple):
    """One package's file."""

    name: str
    version: str
    sha256: str

    @property
    def ident(self) -> str:
        """Name and version, as in the name of its file."""
        return f"{self.name}_{self.version}"


class Lock(NamedTuple):
    """asked: packages.digest() of the names asked for. debs: sorted by name."""

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
        super().__init__(f"{file.name}: {problem}", hint=f"make a new one: {UPDATE}")
        self.file = file
        self.problem = problem


def read(file: Path) -> Lock:
    """Return the lock in `file`. Raises BadLock unless it is as write() left it."""
    if not file.exists():
        raise BadLock(file, "there is none")
    text = file.read_text()
    asked = _ASKED.search(text)
    lock = Lock(asked[1] if asked else "", tuple(Deb(*pin) for pin in _PIN.findall(text)))
    if dump(lock) != text or len({deb.name for deb in lock.debs}) != len(lock.debs):
        raise BadLock(file, "it is damaged, or was edited by hand")
    return lock


def current(file: Path) -> Lock:
    """Return the lock, which must have been made for today's list of names; else BadLock."""
    lock, names = read(file), file.with_suffix(".txt")
    if lock.asked != packages.digest(packages.wanted(names)):
        raise BadLock(file, f"{names.name} or the suite has changed since it was made")
    return lock


def dump(lock: Lock) -> str:
    """Return `lock` as the text of its file: equal locks are equal bytes."""
    pins = (
        f"{deb.name}=={deb.version} \\\n    --hash=sha256:{deb.sha256}\n"
        for deb in sorted(lock.debs)
    )
    return _HEAD.format(update=UPDATE, asked=lock.asked) + "".join(pins)


def write(lock: Lock, file: Path) -> None:
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
