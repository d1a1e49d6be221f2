"""The database's files: numbered pairs of a checkpoint and the journal of the changes since it.

    checkpoint-00000007          all tables as they were when generation 7 began
    journal-00000007             every change since
    checkpoint-00000006, journal-00000006      kept in case checkpoint 7 gets damaged
    journal-00000005.damaged     kept for people to look at

A journal begins empty and is written to by one process, so nothing is ever appended to what a
crash left.
"""

import re
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from services.store import checkpoint
from services.store.checkpoint import Checkpoint
from services.store.files import RealFiles
from services.store.journal import Journal

_NAME = re.compile(r"(checkpoint|journal)-(\d+)(|\.new|\.damaged)")
KEPT_DAMAGED = 4


class Folder:
    """The files of one database, by kind and generation."""

    def __init__(self, files: RealFiles, path: Path) -> None:
        self.files = files
        self.path = path

    def checkpoint(self, generation: int) -> Path:
        return self.path / f"checkpoint-{generation:08}"

    def journal(self, generation: int) -> Path:
        return self.path / f"journal-{generation:08}"

    def listed(self, kind: str, ending: str = "") -> list[int]:
        """The generations of which there is such a file, oldest first. Raises OSError."""
        found = (_NAME.fullmatch(name) for name in self.files.names(self.path))
        return sorted(int(m[2]) for m in found if m and (m[1], m[3]) == (kind, ending))

    def highest(self) -> int:
        """The highest number that any file has, or 0. Raises OSError."""
        found = (_NAME.fullmatch(name) for name in self.files.names(self.path))
        return max((int(m[2]) for m in found if m), default=0)

    def set_aside(self, path: Path) -> str:
        """Give a damaged file a second name, under which it stays; return that or what failed."""
        kept = path.with_name(f"{path.name}.damaged")
        try:
            if kept.name not in self.files.names(self.path):
                self.files.link(path, kept)
        except OSError as error:
            return f"cannot be kept aside: {error.strerror}"
        return f"kept as {kept.name}"

    def sweep(self, spare: int) -> None:
        """Remove what is older than generation `spare`, as far as that is possible."""
        with suppress(OSError):
            for path in self._doomed(spare):
                with suppress(OSError):
                    self.files.remove(path)

    def _doomed(self, spare: int) -> list[Path]:
        doomed = []
        for kind, name in (("checkpoint", self.checkpoint), ("journal", self.journal)):
            doomed += [name(n) for n in self.listed(kind) if n < spare]
            doomed += [_ending(name(n), ".new") for n in self.listed(kind, ".new")]
            damaged = self.listed(kind, ".damaged")
            doomed += [_ending(name(n), ".damaged") for n in damaged[:-KEPT_DAMAGED]]
        return doomed


class Begun(NamedTuple):
    """A generation that is on disk. size: of its checkpoint, in bytes."""

    generation: int
    journal: Journal
    size: int


class Generations:
    """Begins one generation after another, and keeps the one before it.

    newest: highest number that a file may have. spare: the oldest generation that is needed to
    read the state once more, should the next checkpoint get damaged.
    """

    def __init__(self, folder: Folder, newest: int, spare: int) -> None:
        self.folder = folder
        self._newest = newest
        self._spare = spare
        self.checkpoint_bytes = 0
        self.adopted = 0

    def next(self) -> int:
        """A number that no file has, nor one that an interrupted beginning may still make."""
        self._newest += 1
        return self._newest

    def prepare(self, generation: int, state: Checkpoint) -> Begun:
        """Write `state`, and make a journal to go on with.

        Raises OSError; the generation before goes on then. Changes nothing in memory.
        """
        files, folder = self.folder.files, self.folder
        half = _ending(folder.checkpoint(generation), ".new")
        journal = Journal(files, folder.journal(generation))
        try:
            # Whoever finds the checkpoint may then rely on finding the journal.
            files.sync_directory(folder.path)
            size = checkpoint.save(files, half, state)
        except BaseException:
            journal.close()
            for path in (half, journal.path):
                with suppress(OSError):
                    files.remove(path)
            raise
        return Begun(generation, journal, size)

    def name(self, begun: Begun) -> None:
        """Make a prepared generation the one that the next opening begins with.

        Raises OSError; nobody knows then which one that is, so neither journal may be used.
        """
        files, final = self.folder.files, self.folder.checkpoint(begun.generation)
        half = _ending(final, ".new")
        try:
            files.replace(half, final)
            files.sync_directory(self.folder.path)
        except OSError:
            begun.journal.close()
            with suppress(OSError):
                files.remove(half)
            raise

    def adopt(self, begun: Begun) -> int:
        """Take `begun` for the newest; return what to sweep up to."""
        spare, self._spare = self._spare, begun.generation
        self.checkpoint_bytes = begun.size
        self.adopted += 1
        return spare


def _ending(path: Path, ending: str) -> Path:
    return path.with_name(path.name + ending)
