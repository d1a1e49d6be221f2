"""The few things that the database asks of a file system.

Its tests put one here that tears writes, fills up and forgets what was not synced.
"""

import os
from pathlib import Path


class RealFiles:
    """The file system of this machine. Every method raises OSError."""

    def names(self, directory: Path) -> set[str]:
        """What is in `directory`."""
        return set(os.listdir(directory))  # noqa: PTH208 - names, not paths

    def read(self, path: Path) -> bytes:
        """All of the file."""
        return path.read_bytes()

    def create(self, path: Path) -> int:
        """Make an empty file and return a handle; what is written to that goes to its end."""
        return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)

    def write(self, handle: int, data: bytes) -> None:
        """Append all of `data`; after an error some of it may be there."""
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(handle, rest) :]

    def truncate(self, handle: int, size: int) -> None:
        """Cut the file off after `size` bytes."""
        os.ftruncate(handle, size)

    def sync(self, handle: int) -> None:
        """Return when all that was written to the file is on the disk."""
        # Writes the new size of a file that grew, too; what it leaves out is the time stamps.
        # macOS has only fsync.
        getattr(os, "fdatasync", os.fsync)(handle)

    def close(self, handle: int) -> None:
        """Let go of the handle."""
        os.close(handle)

    def link(self, path: Path, second: Path) -> None:
        """Give the file at `path` a second name."""
        second.hardlink_to(path)

    def replace(self, path: Path, new: Path) -> None:
        """Rename the file at `path`, over what has the name `new` if something does."""
        path.replace(new)

    def remove(self, path: Path) -> None:
        """Take the name away."""
        path.unlink()

    def sync_directory(self, directory: Path) -> None:
        """Return when all names in `directory` are on the disk as they are now."""
        handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


REAL_FILES = RealFiles()
