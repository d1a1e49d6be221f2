"""Ways to hurt the lab. Undoing them is heal's work, and needs no memory of ours.

The one fault that leaves no trace of its own is a corrupted node: its stray container looks like
any other. So a mark is left beside it, on the node, in /run: gone with a reboot, as the stray is.
"""

from collections.abc import Sequence

from lab import remote
from lab.provider import vagrant
from lab.speed import deadline_s
from lab.units import container_unit
from provisioning.topology import Machine, Topology
from services.core.names import check_label

MARKS = "/run/lab-chaos"
_COMMAND_S = 10.0
# An API that imports Fabric starts in seconds even on KVM, and its unit may take 90 s.
_START_S = 90.0


def corrupt(node: Machine, name: str, modes: Sequence[str]) -> None:
    """Start container `name` on `node` behind the back of every mode in `modes`, at one instant."""
    check_label(name, "container")
    marks = [f"{MARKS}/{mode}/{name}" for mode in modes]
    units = [container_unit(mode, name) for mode in modes]
    remote.run(node, ["mkdir", "-p", *marks], timeout_s=deadline_s(_COMMAND_S))
    # Not waiting: an agent may stop it before it serves, and systemctl would call that a failure.
    start = ["systemctl", "start", "--no-block", *units]
    remote.run(node, start, timeout_s=deadline_s(_COMMAND_S))


def halt(name: str, *, cut: bool) -> None:
    """Shut machine `name` down, or with `cut` pull its plug."""
    if cut:
        vagrant.cut(name)
    else:
        vagrant.halt(name)


def stop_api(topology: Topology, modes: Sequence[str]) -> None:
    """Stop the APIs of `modes` at one instant. Timers and containers stay."""
    stop = ["systemctl", "stop", *api_units(modes)]
    remote.run(topology.api, stop, timeout_s=deadline_s(_COMMAND_S))


def start_api(topology: Topology, modes: Sequence[str]) -> None:
    """Start the APIs of `modes`; returns once they serve."""
    start = ["systemctl", "start", *api_units(modes)]
    remote.run(topology.api, start, timeout_s=max(_START_S, deadline_s(_COMMAND_S)))


def api_units(modes: Sequence[str]) -> list[str]:
    """Return the units of the APIs of `modes`."""
    return [f"{mode}-api.service" for mode in modes]
