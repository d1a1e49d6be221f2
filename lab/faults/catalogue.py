"""Every fault by its name."""

from lab.faults import api, clock, disk, network, power, state, units
from lab.faults.plan import Fault
from services.core.errors import LabError

_MODULES = (power, network, units, clock, disk, state, api)
CATALOGUE: dict[str, Fault] = {fault.name: fault for module in _MODULES for fault in module.FAULTS}


def find(name: str) -> Fault:
    """Return the fault called `name`; raises LabError."""
    if name not in CATALOGUE:
        raise LabError(f"unknown fault {name!r}", hint=f"use one of: {', '.join(CATALOGUE)}")
    return CATALOGUE[name]
