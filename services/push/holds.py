"""One at a time per name, without keeping a lock for every name ever seen."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Holds:
    """A set of names that are held; holding one waits until nobody else does."""

    def __init__(self) -> None:
        self._held: set[str] = set()
        self._changed = threading.Condition()

    @contextmanager
    def hold(self, name: str) -> Iterator[None]:
        """Hold `name` for the length of the block."""
        with self._changed:
            self._changed.wait_for(lambda: name not in self._held)
            self._held.add(name)
        try:
            yield
        finally:
            with self._changed:
                self._held.remove(name)
                self._changed.notify_all()
