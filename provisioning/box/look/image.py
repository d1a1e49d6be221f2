"""Read an ext4 image as a file: every name in it, without root and without mounting it.

e2fsprogs does the reading: e2fsck says that the image is whole, debugfs what is in it. It is asked
for inodes by number: no name of the image is quoted for it, or made on the host.
"""

import hashlib
import os
import stat
import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, NamedTuple, cast

from provisioning.box.look import debugfs
from provisioning.box.look.debugfs import Inode, Name
from provisioning.host import versions
from provisioning.run import run
from services.core.errors import LabError

_ROOT = 2
_HINT = "is it the disk of a box of this lab, and whole?"


class ImageEntry(NamedTuple):
    """What is under one name. mode: with its type. content: a link's target, a device's numbers,
    or the SHA-256 of a file. attributes: extended ones, by name."""

    mode: int
    uid: int
    gid: int
    size_b: int
    mtime_s: int
    content: str
    attributes: tuple[tuple[str, bytes], ...]


class Unreadable(LabError):
    """debugfs did not tell what it was asked for; it ends with 0 even then."""

    def __init__(self, file: Path, what: str) -> None:
        super().__init__(f"{file.name}: debugfs does not tell {what}", hint=_HINT)


def entries(image: Path) -> dict[str, ImageEntry]:
    """Return path -> what is there, without a leading slash; the root itself is ".".

    Raises ToolFailed if `image` is no ext4 file system or a damaged one.
    """
    with tempfile.TemporaryDirectory(dir=image.parent) as work:
        asked = _Asked(image, Path(work))
        run(["e2fsck", "-f", "-n", asked.name], cwd=asked.work, hint=_HINT)
        names = _names(asked)
        numbers = {name.number: name for name in names.values()}
        inodes = _inodes(asked, numbers)
        contents = _contents(asked, numbers, inodes)
        attributes = _attributes(asked, inodes)
    return {
        path: ImageEntry(*name[3:], inodes[at].mtime_s, contents[at], attributes[at])
        for path, name in names.items()
        for at in [name.number]
    }


def read(image: Path, path: str) -> str:
    """Return the text of the file at `path`; empty if there is none."""
    command = f"cat {debugfs.quoted(f'/{path}')}"
    return run(["debugfs", "-R", command, image.name], cwd=image.parent)


class _Asked(NamedTuple):
    """An image, and a folder beside it for the questions.

    It is named from there: in a path, debugfs takes a "?" for the begin of options.
    """

    image: Path
    work: Path

    @property
    def name(self) -> str:
        return f"../{self.image.name}"

    def answer(self, commands: Iterable[str]) -> str:
        """Bytes that are no text come as "\\xff", so that different ones stay different."""
        with self._output(commands) as stream:
            return stream.read().decode(errors="backslashreplace")

    def contents(self, sizes_b: Mapping[int, int]) -> Iterator[tuple[int, bytes]]:
        """Yield number, content of each. No file is written: `dump` takes ten times as long."""
        with self._output(f"cat <{number}>" for number in sizes_b) as stream:
            for number, size_b in sizes_b.items():
                question = stream.readline()
                content = stream.read(size_b)
                if question != b"debugfs: cat <%d>\n" % number or len(content) != size_b:
                    raise self.no(f"the content of inode {number}")
                yield number, content

    def no(self, what: str) -> Unreadable:
        return Unreadable(self.image, what)

    @contextmanager
    def _output(self, commands: Iterable[str]) -> Iterator[IO[bytes]]:
        (self.work / "commands").write_text("".join(f"{command}\n" for command in commands))
        with subprocess.Popen(
            ["debugfs", "-f", "commands", self.name],
            cwd=self.work,
            env={**os.environ, "LC_ALL": "C", "PATH": versions.path()},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        ) as tool:
            yield cast(IO[bytes], tool.stdout)


def _names(asked: _Asked) -> dict[str, Name]:
    """Return path -> name. All folders of the same depth are asked for at once."""
    found: dict[str, Name] = {}
    folders = {_ROOT: ""}
    while folders:
        told = list(debugfs.names(asked.answer(f"ls -p <{number}>" for number in folders)))
        if silent := folders.keys() - {name.folder for name in told if name.name == "."}:
            raise asked.no(f"what is in /{folders[silent.pop()]}")
        paths = {folders[name.folder] + name.name: name for name in told}
        found |= {path: name for path, name in paths.items() if path == "." or name.is_below}
        folders = {
            name.number: f"{path}/"
            for path, name in paths.items()
            if name.is_below and stat.S_ISDIR(name.mode)
        }
    return found


def _inodes(asked: _Asked, numbers: Mapping[int, Name]) -> dict[int, Inode]:
    inodes = debugfs.inodes(asked.answer(f"stat <{number}>" for number in numbers))
    for number, name in numbers.items():
        device = stat.S_ISCHR(name.mode) or stat.S_ISBLK(name.mode)
        if number not in inodes or (device and not inodes[number].device):
            raise asked.no(f"what {name.name} is")
    return inodes


def _contents(
    asked: _Asked, numbers: Mapping[int, Name], inodes: Mapping[int, Inode]
) -> dict[int, str]:
    """Return number -> content, as in an entry."""
    contents = {number: inode.link or inode.device for number, inode in inodes.items()}
    links = {number for number, name in numbers.items() if stat.S_ISLNK(name.mode)}
    sizes_b = {
        number: name.size_b
        for number, name in numbers.items()
        if stat.S_ISREG(name.mode) or (number in links and not contents[number])
    }
    for number, content in asked.contents(sizes_b):
        contents[number] = (
            content.decode(errors="backslashreplace")
            if number in links
            else hashlib.sha256(content).hexdigest()
        )
    return contents


def _attributes(
    asked: _Asked, inodes: Mapping[int, Inode]
) -> dict[int, tuple[tuple[str, bytes], ...]]:
    """Return number -> name and value of each extended attribute."""
    wanted = [(number, name) for number, inode in inodes.items() for name in inode.attributes]
    commands = [f"ea_get -r -x <{number}> {debugfs.quoted(name)}" for number, name in wanted]
    values = debugfs.values(asked.answer(commands)) if commands else []
    if len(values) != len(wanted):
        raise asked.no("every attribute")
    found: dict[int, list[tuple[str, bytes]]] = {number: [] for number in inodes}
    for (number, name), value in zip(wanted, values, strict=True):
        if value is None:
            raise asked.no(f"the attribute {name} of inode {number}")
        found[number].append((name, value))
    return {number: tuple(sorted(pairs)) for number, pairs in found.items()}
