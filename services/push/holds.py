"""How many orders are carried out at once: one a name, and not too many in all."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from services.push.errors import TooManyOrders


class Slots:
    """So many orders at once, and no queue before them."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._free = threading.BoundedSemaphore(limit)

    @contextmanager
    def take(self) -> Iterator[None]:
        """Take a slot for the length of the block; raises TooManyOrders at once if none is free."""
        if not self._free.acquire(blocking=False):
            raise TooManyOrders(self._limit)
        try:
            yield
        finally:
            self._free.release()


class Holds:
    """A set of names that are held; holding one waits until nobody else does.

    No lock is kept for every name ever seen.
    """

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
