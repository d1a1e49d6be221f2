"""Ways to hurt the lab. Undoing them is heal's work, and needs no memory of ours.

The one fault that leaves no trace of its own is a corrupted node: its stray container looks like
any other. So a mark is left beside it, on the node, in /run: gone with a reboot, as the stray is.
"""

from collections.abc import Sequence

from lab.errors import LabNotUp, MachineAbsent
from lab.host.speed import deadline_s
from lab.machines import remote, vagrant
from lab.machines.units import container_unit, properties
from provisioning.topology import Machine, Topology
from services.core.names import check_label

MARKS = "/run/lab-chaos"
ABSENT = "absent"
# The states of a unit in which starting it is nothing.
RUNS = ("active", "activating", "reloading")
_COMMAND_S = 10.0
# An API that imports Fabric starts in seconds even on KVM, and its unit may take 90 s.
START_S = 90.0


def corrupt(node: Machine, name: str, modes: Sequence[str]) -> list[str]:
    """Start container `name` on `node` behind the back of every mode in `modes`, at one instant.

    Returns the modes in which it was started. Where it runs already it is left alone, and not
    marked: it may be a user's, and heal stops what is marked.
    """
    check_label(name, "container")
    modes = _without(node, name, modes)
    if not modes:
        return []
    marks = [f"{MARKS}/{mode}/{name}" for mode in modes]
    units = [container_unit(mode, name) for mode in modes]
    remote.run(node, ["mkdir", "-p", *marks], timeout_s=deadline_s(_COMMAND_S))
    # Not waiting: an agent may stop it before it serves, and systemctl would call that a failure.
    start = ["systemctl", "start", "--no-block", *units]
    remote.run(node, start, timeout_s=deadline_s(_COMMAND_S))
    return modes


def _without(node: Machine, name: str, modes: Sequence[str]) -> list[str]:
    """Return those of `modes` in which no container `name` runs on `node`."""
    units = [container_unit(mode, name) for mode in modes]
    show = ["systemctl", "show", "--property=ActiveState", *units]
    said = properties(remote.run(node, show, timeout_s=deadline_s(_COMMAND_S)))
    pairs = zip(modes, said, strict=True)
    return [mode for mode, fields in pairs if fields.get("ActiveState") not in RUNS]


def halt(topology: Topology, name: str, *, orderly: bool = False) -> None:
    """Pull the plug of machine `name`, or shut it down in an orderly way. Idempotent."""
    _check_exists(topology, name)
    if orderly:
        vagrant.halt(name)
    else:
        vagrant.cut(name)


def start(topology: Topology, name: str) -> None:
    """Boot machine `name` again; returns once it answers. Idempotent."""
    _check_exists(topology, name)
    vagrant.start(name)


def _check_exists(topology: Topology, name: str) -> None:
    """Raise LabNotUp when no machine exists, MachineAbsent when `name` does not."""
    states = vagrant.machine_states(topology)
    if all(state == ABSENT for state in states.values()):
        raise LabNotUp(topology.lab)
    if states.get(name, ABSENT) == ABSENT:
        raise MachineAbsent(name)


def stop_api(topology: Topology, modes: Sequence[str]) -> None:
    """Stop the APIs of `modes` at one instant. Timers and containers stay."""
    stop = ["systemctl", "stop", *api_units(modes)]
    remote.run(topology.api, stop, timeout_s=deadline_s(_COMMAND_S))


def start_api(topology: Topology, modes: Sequence[str]) -> None:
    """Start the APIs of `modes`; returns once they serve."""
    start = ["systemctl", "start", *api_units(modes)]
    remote.run(topology.api, start, timeout_s=max(START_S, deadline_s(_COMMAND_S)))


def api_units(modes: Sequence[str]) -> list[str]:
    """Return the units of the APIs of `modes`."""
    return [f"{mode}-api.service" for mode in modes]
