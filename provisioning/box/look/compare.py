"""Which box a word names, and what differs between two boxes: their manifests say it."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from provisioning.box import build, cache, manifest, pack
from provisioning.box.manifest import Facts, Manifest
from services.core.errors import LabError

SAME_FILES = f"{pack.ROOTFS}: the same files, laid out otherwise"
_SHA256 = re.compile(r"[0-9a-f]{64}")


def find(word: str) -> Path:
    """Return the folder of the box that `word` names; "" is the one of this checkout.

    word: the folder, the box file in it, or (the start of) a key. Raises LabError.
    """
    built = cache.folder().glob(f"box-*/{manifest.FILE}")
    folders = {file.parent.name.removeprefix("box-"): file.parent for file in built}
    if not word:
        box = build.wanted()
        if not build.exists(box):
            raise _no_box(box.key, "is the box of this checkout, and not built", folders)
        return box.folder
    if (path := Path(word)).exists():
        folder = path if path.is_dir() else path.parent
        if not (folder / manifest.FILE).exists():
            raise _no_box(word, f"has no {manifest.FILE}", folders)
        return folder
    found = [key for key in folders if key.startswith(word)]
    if len(found) != 1:
        problem = "is the start of several keys" if found else "is no box"
        raise _no_box(word, problem, found or folders)
    return folders[found[0]]


def _no_box(word: str, problem: str, known: Iterable[str]) -> LabError:
    there = ", ".join(sorted(known))
    return LabError(
        f"{word!r} {problem}",
        hint="give the folder of a box, the file in it, or the key of one in the cache"
        + (f": {there}" if there else "; it has none: lab box build"),
    )


def differences(one: Manifest, two: Manifest) -> Iterator[str]:
    """Yield a line for each difference: code, parts, packages, wheels, files. None if equal."""
    if one.code != two.code:
        yield f"changed code{_changes({'digest': one.code}, {'digest': two.code})}"
    yield from _section("part ", one.parts, two.parts)
    yield from _section("package ", one.packages, two.packages)
    yield from _section("wheel ", one.wheels, two.wheels)
    yield from _section("/", one.files, two.files)
    if one.files == two.files and one.parts.get(pack.ROOTFS) != two.parts.get(pack.ROOTFS):
        yield SAME_FILES


def _section(kind: str, one: dict[str, Facts], two: dict[str, Facts]) -> Iterator[str]:
    for name in sorted(one.keys() | two.keys()):
        if name not in one:
            yield f"added   {kind}{name}"
        elif name not in two:
            yield f"removed {kind}{name}"
        elif one[name] != two[name]:
            yield f"changed {kind}{name}{_changes(one[name], two[name])}"


def _changes(old: Facts, new: Facts) -> str:
    names = [name for name in dict.fromkeys([*old, *new]) if old.get(name) != new.get(name)]
    told = (f"{name} {_short(old.get(name))} -> {_short(new.get(name))}" for name in names)
    return f": {', '.join(told)}"


def _short(fact: str | None) -> str:
    if fact is None:
        return "none"
    return f"{fact[:16]}…" if _SHA256.fullmatch(fact) else fact
