"""inotify(7) by ctypes: the standard library has no other way to it."""

import ctypes
import os
import struct
from collections.abc import Iterator

MODIFY, CREATE, DELETE, ONLYDIR = 0x2, 0x100, 0x200, 0x01000000
OVERFLOW, IGNORED = 0x4000, 0x8000
_CLOEXEC_NONBLOCK = os.O_CLOEXEC | os.O_NONBLOCK
_HEAD = struct.Struct("iIII")
_READ = 16384


class Inotify:
    """One queue of events about files and folders. `file` becomes readable when there are some."""

    def __init__(self) -> None:
        self._libc = ctypes.CDLL(None, use_errno=True)
        self.file: int = self._libc.inotify_init1(_CLOEXEC_NONBLOCK)
        if self.file < 0:
            raise OSError(ctypes.get_errno(), "inotify_init1")

    def add(self, path: str, mask: int) -> int | None:
        """Return the number by which events of `path` are known; None if it is not there."""
        number: int = self._libc.inotify_add_watch(self.file, os.fsencode(path), mask)
        return None if number < 0 else number

    def events(self) -> Iterator[tuple[int, int, str]]:
        """Yield (number, mask, name within the folder) of what has happened; never waits."""
        while True:
            try:
                data = os.read(self.file, _READ)
            except BlockingIOError:
                return
            at = 0
            while at < len(data):
                number, mask, _, length = _HEAD.unpack_from(data, at)
                at += _HEAD.size
                yield number, mask, os.fsdecode(data[at : at + length].rstrip(b"\0"))
                at += length
