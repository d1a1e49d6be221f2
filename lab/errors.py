"""Errors of the tool itself, beside those that it shares with the services."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from services.core.errors import LabError


class LabNotUp(LabError):
    """The VMs of the lab do not run, or not those that are needed. states: machine -> state."""

    def __init__(self, lab: str, states: Mapping[str, str] = MappingProxyType({})) -> None:
        stopped = [f"{n} is {state}" for n, state in states.items() if state in ("paused", "off")]
        super().__init__(
            f"lab {lab!r} is not up: {', '.join(stopped) or 'none of its VMs runs'}",
            hint="lab heal" if stopped else "lab up both",
        )
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
