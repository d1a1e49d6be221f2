"""One change that waits to be made, and what became of it."""

from collections.abc import Callable
from typing import Generic, TypeVar

from services.lib.durable import UnwritableFile
from services.store.storage import Layers

T = TypeVar("T")


class Job(Generic[T]):
    """A change. done: its caller may have the result, or the error."""

    def __init__(self, apply: Callable[[], T], published: Callable[[T], object] | None) -> None:
        self._apply = apply
        self._published = published
        self._result: T
        self._error: Exception | None = None
        self.done = False

    def run(self, storage: Layers, number: int) -> bytes:
        """Make the change, as number `number`; return the journal's line for it, b"" if none."""
        try:
            self._result, line = storage.run(self._apply, number)
        except Exception as error:
            self._error = error
            return b""
        return line

    def publish(self) -> None:
        """Say that it is on disk."""
        self.done = True
        if self._error is None and self._published is not None:
            try:
                self._published(self._result)
            except Exception as error:
                self._error = error

    def fail(self, path: str, detail: str) -> None:
        """Say that it did not happen. A refusal too: its reason may not have happened either."""
        self._error = UnwritableFile(path, detail)
        self.done = True

    def result(self) -> T:
        """Return what the change returned, or raise what it raised, or why it did not happen."""
        if self._error is not None:
            raise self._error
        return self._result
