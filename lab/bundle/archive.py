"""The file: a plain tar with bundle.json first, read in one pass, every byte checked."""

import hashlib
import tarfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import IO, BinaryIO, NamedTuple

from lab.bundle import contents as content
from lab.bundle.contents import NAME, Contents, Malformed, Member
from lab.bundle.errors import BadBundle
from services.core.errors import LabError

_CHUNK = 1024 * 1024
# A bundle.json of a thousand chapters is shorter.
_LONGEST = 8 * _CHUNK

Place = Callable[[str], Path | None]
Say = Callable[[str], None]
# What tarfile raises on damage; ValueError where a header has no number.
_DAMAGE = (tarfile.TarError, EOFError, ValueError)


class Opened(NamedTuple):
    """A bundle whose bundle.json has been read."""

    file: Path
    contents: Contents
    tar: tarfile.TarFile


def write(
    out: BinaryIO,
    contents: Contents,
    sources: Mapping[str, Path],
    say: Say = lambda _: None,
) -> None:
    """Write the bundle. sources: member's name -> file; say: called with each member as it begins.

    Equal members give equal bytes: owners and times are left out. Raises LabError when a file is
    not what `contents` says.
    """
    text = content.dump(contents)
    head = Member(NAME, len(text), hashlib.sha256(text).hexdigest())
    with tarfile.open(fileobj=out, mode="w") as tar:
        tar.addfile(_header(head), BytesIO(text))
        for member in contents.members:
            say(member.name)
            with sources[member.name].open("rb") as source:
                counted = _Digesting(source)
                tar.addfile(_header(member), counted)
            if counted.digest.hexdigest() != member.sha256:
                raise LabError(
                    f"{member.name} changed while it was packed", hint="the same command again"
                )


@contextmanager
def opened(file: Path) -> Iterator[Opened]:
    """Open the bundle `file`; raises BadBundle for what is none."""
    try:
        tar = tarfile.open(file, "r:")  # noqa: SIM115 - closed below
    except OSError as error:
        raise BadBundle(file, str(error.strerror).lower(), "is the name right?") from None
    except _DAMAGE:
        raise BadBundle(file, "it is no tar file") from None
    with tar:
        try:
            info = tar.next()
            if info is None or info.name != NAME or not _plain(info) or info.size > _LONGEST:
                raise BadBundle(file, f"it does not begin with {NAME}")
            contents = content.parse(_stream(tar, info).read())
        except Malformed as error:
            raise BadBundle(file, str(error)) from None
        except _DAMAGE:
            raise BadBundle(file, f"it ends within {NAME}") from None
        yield Opened(file, contents, tar)


def unpack(
    bundle: Opened,
    place: Place,
    only: str = "",
    say: Say = lambda _: None,
) -> None:
    """Check the members in order, and write each to the `place` of its name; None: check only.

    only: leave the bytes of members whose name does not begin so unread. Raises BadBundle with
    the name of the first member that is not what bundle.json says; nothing that bundle.json does
    not name is ever written.
    """
    for member in bundle.contents.members:
        problem = _take(bundle, member, place if member.name.startswith(only) else None, say)
        if problem:
            raise BadBundle(bundle.file, f"{member.name}: {problem}")
    try:
        more = bundle.tar.next()
    except _DAMAGE:
        more = None
    if more is not None:
        raise BadBundle(bundle.file, f"{more.name[:80]!r} is in it, and {NAME} does not name it")


def _take(bundle: Opened, member: Member, place: Place | None, say: Say) -> str:
    """Read the next member (place: None: its header only); return what is wrong with it."""
    try:
        info = bundle.tar.next()
        problem = _wrong(info, member)
        if info is None or problem or place is None:
            return problem
        say(member.name)
        return _copy(_stream(bundle.tar, info), member, place(member.name))
    except _DAMAGE:
        return "the file ends there"


def _wrong(info: tarfile.TarInfo | None, member: Member) -> str:
    """Return how the tar's header differs from what bundle.json says of the member; or nothing."""
    if info is None:
        return "the file ends before it, or is damaged there"
    if info.name != member.name:
        return f"{info.name[:80]!r} is in its place"
    if not _plain(info):
        return "it is no plain file"
    return "" if info.size == member.size else f"has {info.size} bytes, not {member.size}"


def _plain(info: tarfile.TarInfo) -> bool:
    return info.type in (tarfile.REGTYPE, tarfile.AREGTYPE) and info.sparse is None


def _copy(source: IO[bytes], member: Member, target: Path | None) -> str:
    """Copy one member, without its holes; return what is wrong with it, or nothing."""
    counted = _Digesting(source)
    if target is None:
        while counted.read(_CHUNK):
            pass
    else:
        target.parent.mkdir(parents=True, exist_ok=True)
        # "x": a file that exists is not overwritten, and a link not followed.
        with target.open("xb") as out:
            while chunk := counted.read(_CHUNK):
                if any(chunk):
                    out.write(chunk)
                else:
                    out.seek(len(chunk), 1)
            out.truncate(member.size)
    sha256 = counted.digest.hexdigest()
    return "" if sha256 == member.sha256 else f"it has changed (SHA-256 {sha256[:16]}...)"


def _stream(tar: tarfile.TarFile, info: tarfile.TarInfo) -> IO[bytes]:
    stream = tar.extractfile(info)
    assert stream is not None  # noqa: S101 - a plain file has one
    return stream


def _header(member: Member) -> tarfile.TarInfo:
    info = tarfile.TarInfo(member.name)
    info.size = member.size
    info.mode = 0o600 if member.name.startswith(content.CHAPTERS) else 0o644
    return info


class _Digesting:
    """A stream that is digested as it is read."""

    def __init__(self, source: IO[bytes]) -> None:
        self._source = source
        self.digest = hashlib.sha256()

    def read(self, length: int = -1, /) -> bytes:
        data = self._source.read(length)
        self.digest.update(data)
        return data
