"""Gets lines to the disk: the journal that is written to, and when it is time for the next one.

One thread at a time; the database's queue sees to that.
"""

from collections.abc import Callable
from contextlib import suppress
from typing import Protocol, TypeVar

from services.store.checkpoint import Checkpoint
from services.store.generations import Generations
from services.store.journal import Journal, Tables

T = TypeVar("T")

# Below this a journal is cheaper to keep than to replace.
SMALLEST_LIMIT_BYTES = 256 * 1024


class Offload(Protocol):
    """Runs what blocks in the kernel where it blocks nobody else."""

    def __call__(self, function: Callable[[], T], /) -> T:
        """Return what `function` returns, or raise what it raises, after it has."""


def call_here(function: Callable[[], T], /) -> T:
    """Call `function`; for processes in which blocking one thread blocks no other."""
    return function()


class Writer:
    """Appends to the journal of the newest generation, and begins generations.

    snapshot: returns the number of the last change and the tables as it left them. They must
    not change any more, as what is in them does not. lost_bytes: dropped at opening; written
    into checkpoints until there is a change after it, so that a crash does not hide it.
    """

    def __init__(
        self,
        generations: Generations,
        offload: Offload,
        snapshot: Callable[[], tuple[int, Tables]],
        lost_bytes: int,
    ) -> None:
        self._lost_bytes = lost_bytes
        self._generations = generations
        self._offload = offload
        self._snapshot = snapshot
        self._journal: Journal | None = None
        self._due_bytes = 0

    @property
    def journal_bytes(self) -> int:
        return self._journal.size if self._journal else 0

    def begin(self) -> None:
        """Begin a generation with the committed tables. Raises OSError; nothing is then lost."""
        state = Checkpoint(*self._snapshot(), self._lost_bytes)
        # Another one is tried after so many bytes more: a failure costs as much as a success.
        self._due_bytes = self.journal_bytes + self._limit_bytes()
        generation = self._generations.next()
        begun = self._offload(lambda: self._generations.prepare(generation, state))
        # From here on the old journal may be one that no opening reads.
        journal, self._journal = self._journal, None
        if journal is not None:
            journal.close()
        self._offload(lambda: self._generations.name(begun))
        self._journal = begun.journal
        spare = self._generations.adopt(begun)
        self._due_bytes = self._limit_bytes()
        self._offload(lambda: self._generations.folder.sweep(spare))

    def append(self, lines: bytes) -> None:
        """Return when `lines` are on disk, and nothing is that should not be, also if lines is b"".

        Raises OSError, and whatever interrupts it. After a failure from which the journal did
        not recover, nothing is written to it any more.
        """
        if self._journal is None or not self._journal.usable:
            self.begin()
        journal, self._journal = self._journal, None
        if journal is None or not lines:
            self._journal = journal
            return
        try:
            self._offload(lambda: journal.append(lines))
        except OSError:
            self._journal = journal
            raise
        self._lost_bytes = 0
        # Not after any other exception: it did not come from the write, which may be going on,
        # in a thread that has the handle. That is never closed then, or its number might come
        # to mean another file.
        self._journal = journal

    def begin_if_due(self) -> None:
        """Begin a generation when the journal is larger than the last checkpoint.

        So a change costs the same, however many rows there are. If it fails, the journal goes on.
        """
        if self.journal_bytes > self._due_bytes:
            with suppress(OSError):
                self.begin()

    def close(self) -> None:
        """Let go of the journal."""
        if self._journal is not None:
            self._journal.close()

    def _limit_bytes(self) -> int:
        return max(SMALLEST_LIMIT_BYTES, self._generations.checkpoint_bytes)
