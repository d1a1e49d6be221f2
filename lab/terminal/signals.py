"""SIGHUP and SIGTERM end a command as Ctrl-C does, which leaves no machine paused."""

import os
import signal
import threading
from types import FrameType

_NUMBERS = (signal.SIGHUP, signal.SIGTERM)
_OUTPUTS = (1, 2)


def end_as_ctrl_c() -> None:
    """Let SIGHUP and SIGTERM raise KeyboardInterrupt in the main thread, once.

    A signal that is ignored, as under nohup, stays ignored.
    """
    if threading.current_thread() is not threading.main_thread():
        return
    terminals = [number for number in _OUTPUTS if os.isatty(number)]

    def interrupt(number: int, _: FrameType | None) -> None:
        # A shell and the kernel both send SIGHUP; the second must not end what cleans up. Not
        # SIG_IGN: programs that are started now would inherit that.
        for one in _NUMBERS:
            signal.signal(one, lambda *_: None)
        if number == signal.SIGHUP:
            _leave(terminals)
        raise KeyboardInterrupt

    for number in _NUMBERS:
        if signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, interrupt)


def _leave(terminals: list[int]) -> None:
    """Write to nowhere instead of to a closed terminal, which would be an error."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for number in terminals:
        os.dup2(nowhere, number)
    os.close(nowhere)
