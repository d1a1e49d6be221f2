"""Processes that load the computer beside the lab, and end with the one that started them."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

# Ends when its parent is another: with us, even where we are killed.
_BUSY = """
import os, sys
while os.getppid() == int(sys.argv[1]):
    for _ in range(1_000_000):
        pass
"""


def default() -> int:
    """Return how many busy processes leave the lab one core, but at least one."""
    return max(1, (os.cpu_count() or 1) - 1)


@contextmanager
def busy(count: int) -> Iterator[list[int]]:
    """Keep `count` cores busy inside; yields the process ids."""
    processes: list[subprocess.Popen[bytes]] = []
    try:
        for _ in range(count):
            # A session of its own: Ctrl-C is for us, and we end them.
            words = [sys.executable, "-S", "-c", _BUSY, str(os.getpid())]
            processes.append(subprocess.Popen(words, start_new_session=True))
        yield [process.pid for process in processes]
    finally:
        for process in processes:
            process.kill()
        for process in processes:
            process.wait()
