"""One JSON document on disk that survives being killed, a power cut and a damaged sector.

The agent's local state is such a file. Standard library only, and little of it: the agent reads one
in every pass.
"""

import json
import os
import zlib
from typing import Any, NamedTuple

from services.core.errors import LabError
from services.core.fields import decode


class Loaded(NamedTuple):
    """What was on disk. document: None for nothing. problem: "" or what was repaired."""

    document: Any
    problem: str = ""


class DamagedFile(LabError):
    """A document of which no generation can be read any more."""

    def __init__(self, path: str, detail: str) -> None:
        super().__init__(
            f"{path} and its previous generation cannot be used: {detail}",
            hint=f"look at them, then move {path}* away to start with nothing",
        )
        self.path = path
        self.detail = detail


class UnwritableFile(LabError):
    """A document that could not be made durable."""

    def __init__(self, path: str, detail: str) -> None:
        super().__init__(
            f"cannot write {path}: {detail}", hint="check free space and permissions: df -h"
        )
        self.path = path
        self.detail = detail


class DurableFile:
    """`path` and, beside it, the generation before it.

    A generation is replaced by rename, so a reader never sees half of one; a checksum detects what
    the disk damaged. One writer at a time.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self.previous = f"{path}.previous"
        self._rotates = True

    def load(self) -> Loaded:
        """Return the last good generation, with a `problem` if that is not the newest.

        A damaged newest generation is moved to PATH.damaged; the next save does not rotate it
        over the good one. Raises DamagedFile when files exist and none is good.
        """
        newest, problem = _read(self.path)
        if newest is not None:
            return Loaded(newest)
        older, older_problem = _read(self.previous)
        if older is None:
            if problem or older_problem:
                raise DamagedFile(self.path, "; ".join(filter(None, (problem, older_problem))))
            return Loaded(None)
        if problem:
            try:
                os.replace(self.path, f"{self.path}.damaged")
            except OSError as error:
                problem += f" and cannot be moved away: {error.strerror}"
                self._rotates = False
        return Loaded(older, f"{problem or self.path + ' is missing'}; using the generation before")

    def save(self, document: object) -> None:
        """Make `document` the newest generation; it is on disk when this returns.

        Raises UnwritableFile; load then returns what it returned before, unless only the last
        step failed: then it returns `document`, but perhaps not after a power cut.
        """
        try:
            self._replace(_encode(document))
        except OSError as error:
            raise UnwritableFile(self.path, error.strerror or str(error)) from None

    def _replace(self, content: bytes) -> None:
        half = f"{self.path}.new"
        with open(half, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        if self._rotates and os.path.exists(self.path):
            # A second name, not a rename: at no moment is there no newest generation.
            if os.path.exists(self.previous):
                os.unlink(self.previous)
            os.link(self.path, self.previous)
        os.replace(half, self.path)
        self._rotates = True
        sync_folder(os.path.dirname(self.path) or ".")


def sync_folder(path: str) -> None:
    """Return when the names in the folder `path` are on disk as they are now. Raises OSError.

    A rename lives in the folder: without this it may be lost with the power.
    """
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _encode(document: object) -> bytes:
    """Checksum line, then JSON. CRC-32 finds accidents; hashlib would load OpenSSL for it."""
    body = json.dumps(document, indent=1).encode() + b"\n"
    return b"crc32 %08x\n" % zlib.crc32(body) + body


def _read(path: str) -> tuple[Any, str]:
    """Return (document, ""), or (None, what is wrong with it; "" if there is no file)."""
    try:
        with open(path, "rb") as file:
            head, _, body = file.read().partition(b"\n")
    except FileNotFoundError:
        return None, ""
    except OSError as error:
        return None, f"{path} cannot be read: {error.strerror}"
    if head != b"crc32 %08x" % zlib.crc32(body):
        return None, f"{path} is damaged (checksum)"
    try:
        return decode(body), ""
    except ValueError as error:
        return None, f"{path} is damaged ({error})"
