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
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from typing import Any, TextIO

from services.core.errors import printable_lines


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
        self._console = _console(self._stream)

    def __call__(self, text: str) -> None:
        """Print `text` on a line of its own, after the seconds since this Progress began.

        Line feeds stay, all else that a terminal would obey is escaped.
        """
        line = f"{self._now_s() - self._started_s:6.1f} s  {printable_lines(text)}"
        # Where nothing reads any more, what is under way goes on: it may be what mends the lab.
        with suppress(BrokenPipeError):
            if self._console is None:
                self._stream.write(f"{line}\n")
                self._stream.flush()
            else:
                # Soft: the terminal folds, so that what is copied from it is one line.
                self._console.print(
                    line, markup=False, highlight=False, emoji=False, soft_wrap=True
                )

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Time what happens inside under `name`, and print a line when it ends."""
        began_s = self._now_s()
        if self._console is None:
            self(f"{name} ...")
        how = " (failed)"
        try:
            with self.guard(name), self._counter(name, began_s):
                yield
            how = ""
        finally:
            now_s = self._now_s()
            self.ended_s[name] = now_s - self._started_s
            self.seconds[name] = self.seconds.get(name, 0.0) + now_s - began_s
            self(f"{name}: {now_s - began_s:.1f} s{how}")

    def _counter(self, name: str, began_s: float) -> AbstractContextManager[Any]:
        """The line below all others that counts the seconds of the running phase."""
        if self._console is None:
            return nullcontext()
        from rich.live import Live
        from rich.text import Text

        return Live(
            get_renderable=lambda: Text(f"          {name} ... {self._now_s() - began_s:.0f} s"),
            console=self._console,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )


def _console(stream: TextIO) -> Any:
    """Return rich's console on `stream`; None where that is no terminal or there is no rich.

    `make venv` from a bundle shows progress before there is a Python environment.
    """
    if not stream.isatty():
        return None
    try:
        from rich.console import Console
    except ImportError:
        return None
    return Console(file=stream)
