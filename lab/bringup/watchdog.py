"""End a phase when its budget is spent, whatever it waits for, and say which phase it was.

By an alarm and not by a limit for each wait: a phase has a hundred waits, libvirt's and ssh's
among them, and one that was forgotten would hang the lab for ever. What it interrupts is left as
Ctrl-C would leave it, which the next command mends in any case.
"""

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

from lab.bringup import budgets
from lab.bringup.budgets import OutOfTime
from lab.errors import MachineDied
from lab.host import console, settings
from lab.host.settings import NotSetUp
from lab.terminal.progress import Progress
from lab.waiting import TookTooLong
from provisioning import topology
from provisioning.run import ToolFailed
from services.core.errors import CommandFailed, NodeUnreachable

_FAILURES = (OutOfTime, TookTooLong, ToolFailed, MachineDied, NodeUnreachable, CommandFailed)


def watched(stream: TextIO | None = None) -> Progress:
    """Return a Progress, on `stream` or standard error, that ends each phase within its budget."""
    return Progress(stream, guard=within_budget)


@contextmanager
def within_budget(phase: str) -> Iterator[None]:
    """Bound what happens inside by the budget of `phase`; raises LabError where a wait failed.

    Other errors are refusals, and say what to do. A phase that has no budget is left alone.
    """
    budget = budgets.of(phase)
    if budget is None:
        yield
        return
    limit_s = budget.limit_s(_slowness())
    began_s = time.monotonic()
    try:
        with _alarm(phase, limit_s):
            yield
    except _FAILURES as error:  # not the LabError of a phase within this one
        spent_s = time.monotonic() - began_s
        names = [machine.name for machine in topology.load().machines]
        # Of a phase that hung it is not known which machine it waited for.
        cause = " ".join(names) if isinstance(error, OutOfTime) else str(error)
        concerned = budgets.concerned(phase, cause, names)
        consoles = {name: end for name in concerned if (end := console.tail(name))}
        raise budgets.failed(phase, spent_s, limit_s, error, consoles) from error


def _slowness() -> float:
    try:
        return settings.load().accel.slowness
    except NotSetUp:
        return 1.0  # No guest has a part in what happens before the first look at the machine.


@contextmanager
def _alarm(phase: str, limit_s: float) -> Iterator[None]:
    """Raise OutOfTime inside after `limit_s`; only a main thread gets signals."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def ring(_: int, __: object) -> None:
        raise OutOfTime(phase, limit_s)

    began_s = time.monotonic()
    handler = signal.signal(signal.SIGALRM, ring)
    left_s, _ = signal.setitimer(signal.ITIMER_REAL, limit_s)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, handler)
        if left_s:  # of a phase around this one
            spent_s = time.monotonic() - began_s
            signal.setitimer(signal.ITIMER_REAL, max(0.001, left_s - spent_s))
