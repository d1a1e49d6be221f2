"""A thread that does one thing after the other, for what must stay in one thread."""

import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Generic, TypeVar

T = TypeVar("T")


class Lane(Generic[T]):
    """Runs jobs in their order, in one thread of its own.

    Not a ThreadPoolExecutor of one: Python waits for an executor's threads before it exits,
    and ours may be waiting for a node that is gone.
    """

    def __init__(self, name: str) -> None:
        self._jobs: queue.SimpleQueue[tuple[Future[T], Callable[[], T]]] = queue.SimpleQueue()
        threading.Thread(target=self._work, name=name, daemon=True).start()

    def submit(self, job: Callable[[], T]) -> Future[T]:
        """Return the future of `job`, which runs after all that were submitted before it.

        Until then `cancel()` of the future keeps it from running.
        """
        future: Future[T] = Future()
        self._jobs.put((future, job))
        return future

    def _work(self) -> None:
        while True:
            future, job = self._jobs.get()
            if not future.set_running_or_notify_cancel():
                continue
            try:
                future.set_result(job())
            except BaseException as error:  # as an executor does: the caller gets it
                future.set_exception(error)
