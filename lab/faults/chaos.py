"""Faults without ledger and timer, as measurements use them, and how to undo by hand.

They observe for themselves, at once, and undo by `lab heal`, which needs no memory.
"""

from collections.abc import Sequence

from lab.bringup.plan import ABSENT
from lab.errors import LabNotUp, MachineAbsent
from lab.faults import api, state
from lab.faults.perform import perform
from lab.host.speed import deadline_s
from lab.machines import power, remote
from lab.machines.units import container_unit, properties
from provisioning.topology import Machine, Topology
from services.core.names import check_label

# The states of a unit in which starting it is nothing.
RUNS = ("active", "activating", "reloading")
_COMMAND_S = 10.0
# An API that imports Fabric starts in seconds even on KVM, and its unit may take 90 s.
START_S = 90.0


def corrupt(topology: Topology, node: Machine, name: str, modes: Sequence[str]) -> list[str]:
    """Start container `name` on `node` behind the back of every mode in `modes`, at one instant.

    Returns the modes in which it was started; see `free_modes`.
    """
    modes = free_modes(node, name, modes)
    if modes:
        options = {"mode": ",".join(modes), "name": name}
        for command in state.corrupt(topology, node, options).act:
            perform(topology, command)
    return modes


def free_modes(node: Machine, name: str, modes: Sequence[str]) -> list[str]:
    """Return those of `modes` in which no container `name` runs on `node`.

    One that runs is left alone: it may be a user's, and heal stops what is marked.
    """
    check_label(name, "container")
    units = [container_unit(mode, name) for mode in modes]
    show = ["systemctl", "show", "--property=ActiveState", *units]
    said = properties(remote.run(node, show, timeout_s=deadline_s(_COMMAND_S)))
    pairs = zip(modes, said, strict=True)
    return [mode for mode, fields in pairs if fields.get("ActiveState") not in RUNS]


def start(topology: Topology, name: str) -> None:
    """Boot machine `name` again; returns once it answers. Idempotent."""
    states = power.machine_states(topology)
    if all(state == ABSENT for state in states.values()):
        raise LabNotUp(topology.lab)
    if states.get(name, ABSENT) == ABSENT:
        raise MachineAbsent(name)
    power.start(name)


def start_api(topology: Topology, modes: Sequence[str]) -> None:
    """Start the APIs of `modes`; returns once they serve."""
    start = ["systemctl", "start", *api.api_units(modes)]
    remote.run(topology.api, start, timeout_s=max(START_S, deadline_s(_COMMAND_S)))
