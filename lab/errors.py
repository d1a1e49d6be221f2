"""Errors of the tool itself, beside those that it shares with the services."""

import errno
import os
import shlex
from collections.abc import Sequence

from services.core.errors import LabError


class LabNotUp(LabError):
    """No VM of the lab runs."""

    def __init__(self, lab: str) -> None:
        super().__init__(f"lab {lab!r} is not up: none of its VMs runs", hint="lab up both")
        self.lab = lab


class MachineAbsent(LabError):
    """A machine of the topology that does not exist yet, or no more."""

    def __init__(self, name: str) -> None:
        super().__init__(f"machine {name!r} does not exist", hint="lab up both")
        self.name = name


class MachineDied(LabError):
    """A machine that ended while it should have booted."""

    def __init__(self, name: str) -> None:
        super().__init__(f"machine {name!r} ended while it booted", hint="lab up both")
        self.name = name


class UnknownChoice(LabError):
    """A word on the command line that is none of the known ones."""

    def __init__(self, what: str, word: str, known: Sequence[str]) -> None:
        super().__init__(f"unknown {what} {word!r}", hint=f"use one of: {', '.join(known)}")
        self.what = what
        self.word = word
        self.known = tuple(known)


class ModeOff(LabError):
    """A mode that was asked for, on a lab that runs without it."""

    def __init__(self, mode: str) -> None:
        super().__init__(f"the lab runs without the mode {mode!r}", hint=f"lab up {mode}")
        self.mode = mode


class PushHasNone(LabError):
    """Something of pull's that was asked for on a lab that runs push alone."""

    def __init__(self) -> None:
        super().__init__(
            "the lab runs without pull, and push has no such thing: it keeps no list of what "
            "should run, so it can neither move anything nor tell what happened",
            hint="lab up both",
        )


def remedy(error: OSError) -> str:
    """Return the next step after an error of the operating system."""
    where = shlex.quote(os.fsdecode(error.filename)) if error.filename else ""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"free some room: df -h {where}".rstrip()
    if isinstance(error, PermissionError):
        return f"whose is it? namei -l {where}" if where else "lab doctor"
    return "lab doctor"
