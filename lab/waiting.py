"""Wait for a condition with a deadline, and say what was seen last when it does not come."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

from services.core.errors import LabError

T = TypeVar("T")
# interrupted: of a thread of at_once, whether an exception ended the block that began it.
_thread = threading.local()


class TookTooLong(LabError):
    """Something that should have happened did not, in time."""

    def __init__(self, what: str, waited_s: float, last: object, hint: str) -> None:
        super().__init__(f"{what}: not within {waited_s:.0f} s; last seen: {last}", hint=hint)
        self.what = what
        self.waited_s = waited_s
        self.last = last


def until(
    probe: Callable[[], T],
    what: str,
    *,
    timeout_s: float,
    hint: str = "",
    every_s: float = 0.2,
) -> T:
    """Return the first truthy value of `probe`; raises TookTooLong with the last one otherwise.

    hint: what to do then.
    `probe` raises a LabError of its own on a state from which `what` cannot happen any more.
    """
    began_s = time.monotonic()
    interrupted: threading.Event | None = getattr(_thread, "interrupted", None)
    while True:
        value = probe()
        if value:
            return value
        waited_s = time.monotonic() - began_s
        if waited_s > timeout_s or (interrupted and interrupted.is_set()):
            raise TookTooLong(what, min(waited_s, timeout_s), value, hint)
        time.sleep(every_s)


@contextmanager
def at_once(threads: int) -> Iterator[ThreadPoolExecutor]:
    """Yield a pool of so many threads.

    When the block is left by an exception, such as Ctrl-C, an `until` in one of them ends at its
    next look: the command that a person ends does not wait for what it waited for.
    """
    interrupted = threading.Event()

    def begin() -> None:
        _thread.interrupted = interrupted

    with ThreadPoolExecutor(max(1, threads), initializer=begin) as pool:
        try:
            yield pool
        except BaseException:
            interrupted.set()
            raise


@contextmanager
def beside(loops: Sequence[Callable[[threading.Event], None]], *, end_s: float) -> Iterator[None]:
    """Run each of `loops` in a thread of its own for the length of the block.

    Each gets an event that is set when the block ends, and is given end_s to end as well.
    """
    over = threading.Event()
    threads = [threading.Thread(target=run, args=(over,), daemon=True) for run in loops]
    try:
        for thread in threads:
            thread.start()
        yield
    finally:
        over.set()
        for thread in threads:
            if thread.ident:
                thread.join(end_s)
