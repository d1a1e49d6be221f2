"""TinyDB's tables in memory, each change of them on disk before anybody sees it.

Changes that wait at the same time go to disk together, written by whoever came first: there is
no thread of the database's own.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from tinydb import TinyDB

from services.lib.durable import UnwritableFile
from services.store.files import REAL_FILES, RealFiles
from services.store.generations import Folder, Generations
from services.store.job import Job
from services.store.journal import Tables
from services.store.recovery import forget_legacy, recover
from services.store.storage import Layers
from services.store.table import Rows
from services.store.writer import Offload, Writer, call_here

__all__ = ["Database", "Stats", "call_here"]

T = TypeVar("T")


class Stats(NamedTuple):
    """Since the opening. commits: of one or more changes. trouble: why the last one failed."""

    journal_bytes: int = 0
    checkpoints: int = 0
    commits: int = 0
    changes: int = 0
    last_batch: int = 0
    largest_batch: int = 0
    trouble: str = ""


class Database:
    """Tables by name. Every method may be called from any thread.

    problem: "" or what was dropped or repaired at opening. lost_bytes: how much of the journal
    was dropped then; each change took more than one byte. The next opening says so again, unless
    there is a change meanwhile.
    """

    def __init__(
        self, directory: Path, *, offload: Offload = call_here, files: RealFiles = REAL_FILES
    ) -> None:
        """Open the database in `directory`, which exists, or make a new one there.

        One process at a time. Raises DamagedFile and UnwritableFile.
        """
        self._directory = directory
        self._turn = threading.Condition(threading.RLock())
        self._queue: list[Job[Any]] = []
        self._leading = False
        self._closed = False
        self._stats = Stats()
        try:
            found = recover(files, directory)
            self.problem = found.problem
            self.lost_bytes = found.lost_bytes
            self._number = found.number
            self._storage = Layers(found.tables)
            self._tiny = TinyDB(storage=lambda: self._storage)
            self._tiny.table_class = Rows
            self._generations = Generations(Folder(files, directory), found.newest, found.spare)
            self._writer = Writer(self._generations, offload, self._snapshot, found.lost_bytes)
            if found.spare > found.newest:
                # The first checkpoint of all gets a spare too.
                self._writer.begin()
            self._writer.begin()
            forget_legacy(files, directory)
        except OSError as error:
            raise UnwritableFile(str(directory), error.strerror or str(error)) from None

    def table(self, name: str) -> Rows:
        """The table `name`; it need not exist. Read it under `reading`, change it in `change`."""
        with self._turn:
            table = self._tiny.table(name, cache_size=0)
        assert isinstance(table, Rows)  # noqa: S101 - for mypy
        return table

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Let nothing change meanwhile. What one sees is on disk. Never block in here."""
        with self._turn:
            yield

    def change(self, apply: Callable[[], T], published: Callable[[T], object] | None = None) -> T:
        """Run `apply`, which may read and write tables, as one change; return what it returns.

        Returns after it is on disk. `apply` runs once, under the lock of `reading`, and must not
        block. If it raises, nothing of it stays, and its error is raised here. `published` gets
        its result, under the lock too, at the moment in which readers begin to see the change;
        those of several changes are called in the order of the changes.

        Raises UnwritableFile; readers then see nothing of it, but a crash before the next
        change may still bring it back, whole.
        """
        job = Job(apply, published)
        with self._turn:
            if self._storage.is_changing():
                raise RuntimeError("a change within a change")
            self._queue.append(job)
            while self._leading and not job.done:
                self._turn.wait()
            if job.done:
                return job.result()
            self._leading = True
        try:
            self._commit()
            self._writer.begin_if_due()
        finally:
            self._step_down()
        return job.result()

    def stats(self) -> Stats:
        """Return numbers for people and metrics."""
        with self._turn:
            return self._stats._replace(
                journal_bytes=self._writer.journal_bytes, checkpoints=self._generations.adopted
            )

    def close(self) -> None:
        """Let go of the files; every later change raises UnwritableFile."""
        with self._turn:
            while self._leading:
                self._turn.wait()
            self._closed = True
            self._writer.close()

    def _commit(self) -> None:
        """Make every change that waits. Whatever happens, each of them is done afterwards."""
        with self._turn:
            batch, self._queue = self._queue, []
        failure = "interrupted"
        try:
            lines = self._run(batch)
            if self._closed:
                failure = "the database is closed"
            else:
                self._writer.append(b"".join(lines))
                failure = ""
        except OSError as error:
            failure = error.strerror or str(error)
        finally:
            with self._turn:
                self._finish(batch, failure, len(lines) if not failure else 0)

    def _run(self, batch: list[Job[Any]]) -> list[bytes]:
        lines: list[bytes] = []
        with self._turn:
            for job in batch:
                line = job.run(self._storage, self._number + len(lines) + 1)
                lines += [line] if line else []
        return lines

    def _finish(self, batch: list[Job[Any]], failure: str, changes: int) -> None:
        if failure:
            self._storage.drop()
            for job in batch:
                job.fail(str(self._directory), failure)
        else:
            self._storage.merge()
            self._number += changes
            for job in batch:
                job.publish()
        self._count(changes, failure)
        self._turn.notify_all()

    def _count(self, changes: int, failure: str) -> None:
        if changes or failure:
            old = self._stats
            self._stats = old._replace(
                commits=old.commits + (changes > 0),
                changes=old.changes + changes,
                last_batch=changes or old.last_batch,
                largest_batch=max(changes, old.largest_batch),
                trouble=failure,
            )

    def _snapshot(self) -> tuple[int, Tables]:
        with self._turn:
            tables = {name: dict(rows) for name, rows in self._storage.committed.items()}
            return self._number, tables

    def _step_down(self) -> None:
        with self._turn:
            self._leading = False
            self._turn.notify_all()
