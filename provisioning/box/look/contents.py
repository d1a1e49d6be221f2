"""What is in a box: its parts by hash, and its disk's packages and files. Needs no root."""

import hashlib
import re
import shutil
import tarfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, NamedTuple

from provisioning.box import cache, dpkg, pack
from provisioning.box.look import image
from provisioning.box.look.image import ImageEntry
from provisioning.run import run
from services.core.errors import LabError

DISK = "box.img"
_LIBRARY = re.compile(r"opt/lab/site/(?P<name>[^/]+)-(?P<version>[^/-]+)\.dist-info")


class Disk(NamedTuple):
    """packages: name -> version, Debian's and Python's. files: path -> what is there."""

    packages: dict[str, str]
    files: dict[str, ImageEntry]


class NoBox(LabError):
    """There is no box of that name, or it is none."""

    def __init__(self, word: str, problem: str, known: Iterable[str] = ()) -> None:
        there = ", ".join(sorted(known))
        super().__init__(
            f"{word!r} {problem}",
            hint="give a .box file, the folder of a box, or the key of one in the cache"
            + (f": {there}" if there else "; it has none: lab box build"),
        )
        self.word = word


def find(word: str) -> Path:
    """Return the box file that `word` names: a file, its folder, or (the begin of) a key."""
    path = Path(word)
    if path.is_file():
        return path
    if path.is_dir():
        if (path / pack.FILE).exists():
            return path / pack.FILE
        raise NoBox(word, f"has no {pack.FILE}", _keys())
    found = [key for key in _keys() if word and key.startswith(word)]
    if len(found) != 1:
        problem = "is the begin of several keys" if found else "is no box"
        raise NoBox(word, problem, found or _keys())
    return cache.folder() / f"box-{found[0]}" / pack.FILE


def parts(box: Path) -> dict[str, str]:
    """Return name -> SHA-256 of each member of the box file."""
    with _opened(box) as archive:
        return {
            member.name: hashlib.file_digest(_stream(archive, member), "sha256").hexdigest()  # type: ignore[arg-type]
            for member in archive
            if member.isfile()
        }


def disk(box: Path) -> Disk:
    """Return what is on the disk in the box file."""
    with cache.scratch() as work:
        with _opened(box) as archive, (work / DISK).open("wb") as file:
            try:
                shutil.copyfileobj(_stream(archive, archive.getmember(DISK)), file)
            except KeyError:
                raise NoBox(str(box), f"has no {DISK}", _keys()) from None
        run(["qemu-img", "convert", "-f", "qcow2", "-O", "raw"]
            + [str(work / DISK), str(work / "raw")])  # fmt: skip
        files = image.entries(work / "raw")
        status = image.read(work / "raw", "var/lib/dpkg/status")
        return Disk(debian(status) | python(files), files)


def debian(status: str) -> dict[str, str]:
    """Return name -> version of the installed packages in a status file of dpkg."""
    return {
        one["Package"]: one["Version"]
        for one in dpkg.stanzas(status)
        if one.get("Status", "").endswith(" installed")
    }


def python(files: Mapping[str, ImageEntry]) -> dict[str, str]:
    """Return name -> version of the guests' libraries, with "python:" before each name."""
    found = (_LIBRARY.fullmatch(path) for path in files)
    return {f"python:{match['name']}": match["version"] for match in found if match}


def _keys() -> list[str]:
    folders = cache.folder().glob("box-*")
    return [folder.name.removeprefix("box-") for folder in folders if (folder / pack.FILE).exists()]


@contextmanager
def _opened(box: Path) -> Iterator[tarfile.TarFile]:
    try:
        with tarfile.open(box) as archive:
            yield archive
    except (tarfile.TarError, EOFError) as error:
        raise NoBox(str(box), f"is no box: {error}", _keys()) from None


def _stream(archive: tarfile.TarFile, member: tarfile.TarInfo) -> IO[bytes]:
    stream = archive.extractfile(member)
    if stream is None:
        raise NoBox(str(archive.name), f"has something odd under {member.name}", _keys())
    return stream
