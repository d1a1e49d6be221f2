"""What a bundle says of itself: bundle.json, its first member."""

import hashlib
import json
import re
from collections.abc import Iterable
from typing import Any, NamedTuple

from services.core.names import is_label

FORMAT = 1
NAME = "bundle.json"
BOXES, WHEELS, CHAPTERS = "boxes", "wheels", "chapters"
# No hidden file, no way up, nothing absolute: what a name may be is said, not what it may not.
_COMPONENT = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+-]*")
_BOX = re.compile(r"[0-9a-f]{16}")
_SHA256 = re.compile(r"[0-9a-f]{64}")


class Member(NamedTuple):
    """One file in a bundle. name: BOXES/KEY/..., WHEELS/FILE or CHAPTERS/NAME/..."""

    name: str
    size: int
    sha256: str


class Chapter(NamedTuple):
    """One chapter. at_s: Unix time; machine: QEMU's machine type, which its memory belongs to."""

    name: str
    note: str
    at_s: float
    box: str
    accel: str
    machine: str


class Contents(NamedTuple):
    """All of a bundle but its bytes.

    version, commit: of the checkout that made it (commit: empty without git). box, box_version:
    what that checkout asked for. qemu: what saved or could read the chapters. wheels: the key of
    the Python libraries, see provisioning.host.wheels; python: the Python they are for; both
    empty without. members: in the order of the file.
    """

    version: str
    commit: str
    box: str
    box_version: str
    qemu: str
    wheels: str
    python: str
    chapters: tuple[Chapter, ...]
    members: tuple[Member, ...]

    @property
    def boxes(self) -> tuple[str, ...]:
        return tuple(sorted({m.name.split("/")[1] for m in self.part(BOXES)}))

    def part(self, *prefix: str) -> list[Member]:
        """Return the members below `prefix`, in order."""
        return [m for m in self.members if m.name.startswith("/".join([*prefix, ""]))]

    def size(self, *prefix: str) -> int:
        """Return the bytes of the members below `prefix`; of all without."""
        found = self.part(*prefix) if prefix else self.members
        return sum(member.size for member in found)


class Malformed(ValueError):
    """A bundle.json that says something impossible; the message is for the reader."""


def dump(contents: Contents) -> bytes:
    """Return bundle.json; equal contents give equal bytes."""
    data = {
        "format": FORMAT,
        **contents._asdict(),
        "chapters": [chapter._asdict() for chapter in contents.chapters],
        "members": [list(member) for member in contents.members],
    }
    return (json.dumps(data | {"digest": _digest(data)}, indent=1) + "\n").encode()


def parse(text: bytes) -> Contents:
    """Return what bundle.json says; raises Malformed for whatever a lab could not have written."""
    try:
        data = json.loads(text)
        if data["format"] != FORMAT:
            raise Malformed(f"its format is {data['format']!r}, this lab knows {FORMAT}")
        if data.pop("digest") != _digest(data):
            raise Malformed(f"{NAME} has changed")
        fields = {name: data[name] for name in Contents._fields}
        fields["chapters"] = tuple(Chapter(**chapter) for chapter in data["chapters"])
        fields["members"] = tuple(Member(*member) for member in data["members"])
    except Malformed:
        raise
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise Malformed(f"no readable {NAME} ({type(error).__name__})") from None
    contents = Contents(**fields)
    _check(contents)
    return contents


def _check(contents: Contents) -> None:
    for member in contents.members:
        whole = isinstance(member.size, int) and member.size >= 0
        if not (_allowed(member.name) and whole and _SHA256.fullmatch(str(member.sha256))):
            raise Malformed(f"a bundle cannot have a member {str(member.name)[:80]!r}")
    names = [member.name for member in contents.members]
    if len(set(names)) != len(names):
        raise Malformed("it has a member twice")
    names_given = [chapter.name for chapter in contents.chapters]
    if sorted(names_given) != sorted(
        {name.split("/")[1] for name in names if name.startswith(CHAPTERS)}
    ):
        raise Malformed("its chapters are not those that it names")
    for chapter in contents.chapters:
        if not _BOX.fullmatch(str(chapter.box)):
            raise Malformed(f"chapter {chapter.name!r} stands on no box")
    if contents.wheels and not _BOX.fullmatch(str(contents.wheels)):
        raise Malformed("its wheels have no key")


def _allowed(name: Any) -> bool:
    if not isinstance(name, str):
        return False
    top, *rest = name.split("/")
    if not all(_COMPONENT.fullmatch(one) for one in rest):
        return False
    if top == WHEELS:
        return len(rest) == 1
    good: Iterable[bool] = {
        BOXES: (bool(_BOX.fullmatch(rest[0])), len(rest) > 1) if rest else (False,),
        CHAPTERS: (is_label(rest[0]), len(rest) == 2) if rest else (False,),
    }.get(top, (False,))
    return all(good)


def _digest(data: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()
