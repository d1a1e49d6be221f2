"""What debugfs prints of an ext4 file system, as values. Pure.

Its answers follow the question, as "debugfs: stat <12>" in a line of its own.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple


class Name(NamedTuple):
    """A name in a folder. folder, number: of inodes. mode: with its type; folders have no size."""

    folder: int
    name: str
    number: int
    mode: int
    uid: int
    gid: int
    size_b: int

    @property
    def is_below(self) -> bool:
        return self.name not in (".", "..")


class Inode(NamedTuple):
    """link: the target, if the inode holds it: longer ones have a block. device: as "5:1".

    attributes: names of the extended ones.
    """

    mtime_s: int
    link: str
    device: str
    attributes: tuple[str, ...]


# A name holds anything but a slash, line ends and what looks like a question as well.
_NAME = re.compile(r"^debugfs: ls -p <(\d+)>\n|^/(\d+)/(\d+)/(\d+)/(\d+)/([^/]*)/(\d*)/\n", re.M)
_STAT = re.compile(r"^debugfs: stat <(\d+)>\n", re.M)
_TIME = re.compile(r"^ ?mtime: 0x([0-9a-f]{8})", re.M)
_LINK = re.compile(r'^Fast link dest: "(.*)"\n\Z', re.M | re.S)
_DEVICE = re.compile(r"^(?:\(New-style\) )?Device major/minor number: 0*(\d+):0*(\d+) ", re.M)
_ATTRIBUTES = re.compile(r"^Extended attributes:\n((?:  .*\n)+)", re.M)
_ATTRIBUTE = re.compile(r"^  (.+) \(\d+\)(?: = .*)?$", re.M)
_GET = re.compile(r"^debugfs: ea_get .*\n", re.M)
_VALUE = re.compile(r" \((\d+)\)(?: = ([0-9a-f ]+))?\s*\Z")


def names(text: str) -> Iterator[Name]:
    """Yield what `ls -p <folder>` said, of one folder after the other, with "." and ".."."""
    folder = 0
    for found in _NAME.finditer(text):
        asked, number, mode, uid, gid, name, size = found.groups()
        if asked:
            folder = int(asked)
        elif int(number):
            yield Name(
                folder, name, int(number), int(mode, 8), int(uid), int(gid), int(size or "0")
            )


def inodes(text: str) -> dict[int, Inode]:
    """Return number -> what `stat <number>` said; one without a time is not there."""
    parts = _STAT.split(text)[1:]
    told = zip(map(int, parts[::2]), map(_inode, parts[1::2]), strict=True)
    return {number: inode for number, inode in told if inode}


def values(text: str) -> list[bytes | None]:
    """Return what each `ea_get -r -x <number> NAME` said, in their order; None: no such name."""
    return [_value(part) for part in _GET.split(text)[1:]]


def quoted(word: str) -> str:
    """Return `word` as one argument of a command of debugfs."""
    doubled = word.replace('"', '""')
    return f'"{doubled}"'


def _inode(text: str) -> Inode | None:
    time, link, device = _TIME.search(text), _LINK.search(text), _DEVICE.search(text)
    lines = _ATTRIBUTES.search(text)
    return time and Inode(
        mtime_s=int(time[1], 16),
        link=link[1] if link else "",
        device=f"{device[1]}:{device[2]}" if device else "",
        attributes=tuple(_ATTRIBUTE.findall(lines[1])) if lines else (),
    )


def _value(text: str) -> bytes | None:
    found = _VALUE.search(text)
    value = bytes.fromhex(found[2] or "") if found else b""
    return value if found and len(value) == int(found[1]) else None
