"""Errors of the tool itself, beside those that it shares with the services."""

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
