"""What differs between two boxes: parts, then packages, then files, one a line."""

import stat
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

from provisioning.box.look import contents
from provisioning.box.look.contents import DISK, Disk
from provisioning.box.look.image import ImageEntry

SAME_FILES = f"{DISK}: other bytes, but the same files: compressed or laid out otherwise"


def between(one: Path, two: Path) -> Iterator[str]:
    """Yield a line for each difference between two box files; none if they hold the same.

    Disks are looked into only if their bytes differ.
    """
    before, after = contents.parts(one), contents.parts(two)
    yield from parts(before, after)
    if before.get(DISK) == after.get(DISK):
        return
    lines = list(disks(contents.disk(one), contents.disk(two)))
    yield from lines or [SAME_FILES]


def parts(before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[str]:
    """Yield a line for each member that differs, but for the disk."""
    for name in sorted(before.keys() | after.keys()):
        if name == DISK or before.get(name) == after.get(name):
            continue
        yield f"{_verb(name, before, after)} {name}{_both(before.get(name), after.get(name))}"


def disks(before: Disk, after: Disk) -> Iterator[str]:
    """Yield a line for each package and then for each file that differs."""
    one, two = before.packages, after.packages
    for name in sorted(one.keys() | two.keys()):
        if one.get(name) != two.get(name):
            yield f"{_verb(name, one, two)} package {name}{_versions(one.get(name), two.get(name))}"
    for path in sorted(before.files.keys() | after.files.keys()):
        old, new = before.files.get(path), after.files.get(path)
        if old != new:
            told = f": {', '.join(changed(old, new))}" if old and new else ""
            yield f"{_verb(path, before.files, after.files)} /{path}{told}"


def changed(old: ImageEntry, new: ImageEntry) -> Iterator[str]:
    """Yield what differs between two entries of the same name, in words."""
    if stat.S_IFMT(old.mode) != stat.S_IFMT(new.mode):
        yield f"{_kind(old)} -> {_kind(new)}"
    if stat.S_IMODE(old.mode) != stat.S_IMODE(new.mode):
        yield f"mode {stat.S_IMODE(old.mode):04o} -> {stat.S_IMODE(new.mode):04o}"
    if (old.uid, old.gid) != (new.uid, new.gid):
        yield f"owner {old.uid}:{old.gid} -> {new.uid}:{new.gid}"
    if old.size_b != new.size_b:
        yield f"size {old.size_b} -> {new.size_b}"
    if old.content != new.content:
        links = stat.S_ISLNK(old.mode) and stat.S_ISLNK(new.mode)
        yield f"link {old.content} -> {new.content}" if links else "content"
    if old.mtime_s != new.mtime_s:
        yield f"time {_time(old)} -> {_time(new)}"
    if old.attributes != new.attributes:
        names = {name for name, _ in set(old.attributes) ^ set(new.attributes)}
        yield f"attributes {' '.join(sorted(names))}"


def _verb(name: str, before: Mapping[str, object], after: Mapping[str, object]) -> str:
    if name not in before:
        return "added  "
    return "changed" if name in after else "removed"


def _both(old: str | None, new: str | None) -> str:
    return f": sha256 {old[:16]}… -> {new[:16]}…" if old and new else ""


def _versions(old: str | None, new: str | None) -> str:
    return f" {old} -> {new}" if old and new else f" {old or new}"


def _kind(entry: ImageEntry) -> str:
    kinds = {stat.S_IFREG: "file", stat.S_IFDIR: "folder", stat.S_IFLNK: "link"}
    return kinds.get(stat.S_IFMT(entry.mode), "special file")


def _time(entry: ImageEntry) -> str:
    return datetime.fromtimestamp(entry.mtime_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
