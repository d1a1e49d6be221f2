"""Errors of the tool itself, beside those that it shares with the services."""

from collections.abc import Mapping
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


class LabBusy(LabError):
    """Another command is changing the lab. owner: which; for_s: since when."""

    def __init__(self, owner: str, for_s: float) -> None:
        super().__init__(
            f"another command is changing the lab: {owner}, for {for_s:.0f} s now",
            hint="wait for it to end, or end it: a killed command leaves nothing locked",
        )
        self.owner = owner
        self.for_s = for_s
