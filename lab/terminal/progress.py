"""What the user sees while something takes longer than two seconds, and how long it took.

    progress = Progress()
    with progress.phase("boot"):
        ...
        progress("node1 answers")
    progress.seconds["boot"]

A Progress is also the `say` that other functions take. Everything goes to standard error, so
that standard output stays a table or JSON.
"""

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TextIO

from services.core.errors import printable_lines

_TICK_S = 1.0


class Progress:
    """Prints lines, and one line per phase with its seconds.

    seconds: phase -> how long it took in all, in order of first end, also of phases that
    failed. ended_s: phase -> how long after this Progress began it ended last. On a terminal the
    running phase counts its seconds in place. guard: what each phase runs inside, by its name; see
    lab.bringup.watchdog.
    """

    def __init__(
        self,
        stream: TextIO | None = None,
        *,
        guard: Callable[[str], AbstractContextManager[None]] = lambda _: nullcontext(),
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self.guard = guard
        self.seconds: dict[str, float] = {}
        self.ended_s: dict[str, float] = {}
        self._stream = stream or sys.stderr
        self._now_s = now_s
        self._started_s = now_s()
        self._live = self._stream.isatty()
        self._lock = threading.Lock()
        self._open = ""

    def __call__(self, text: str) -> None:
        """Print `text` on a line of its own, after the seconds since this Progress began.

        Line feeds stay, all else that a terminal would obey is escaped.
        """
        with self._lock:
            self._print(f"{self._now_s() - self._started_s:6.1f} s  {printable_lines(text)}")

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Time what happens inside under `name`, and print a line when it ends."""
        began_s = self._now_s()
        if not self._live:
            self(f"{name} ...")
        ended = threading.Event()
        ticker = threading.Thread(target=self._tick, args=(name, began_s, ended), daemon=True)
        if self._live:
            ticker.start()
        try:
            with self.guard(name):
                yield
            self._end(name, began_s, ended, "")
        except BaseException:
            self._end(name, began_s, ended, " (failed)")
            raise

    def _end(self, name: str, began_s: float, ended: threading.Event, how: str) -> None:
        ended.set()
        now_s = self._now_s()
        took_s = now_s - began_s
        self.ended_s[name] = now_s - self._started_s
        self.seconds[name] = self.seconds.get(name, 0.0) + took_s
        self(f"{name}: {took_s:.1f} s{how}")

    def _tick(self, name: str, began_s: float, ended: threading.Event) -> None:
        while not ended.is_set():
            with self._lock:
                self._open = f"{name} ... {self._now_s() - began_s:.0f} s"
                self._stream.write(f"\r\x1b[K          {self._open}")
                self._stream.flush()
            ended.wait(_TICK_S)

    def _print(self, line: str) -> None:
        erase = "\r\x1b[K" if self._open else ""
        self._open = ""
        self._stream.write(f"{erase}{line}\n")
        self._stream.flush()
