"""The lab's machines as libvirt has them: names and states, and how one of them is forgotten."""

from lab.host import netns, settings
from lab.host.virsh import domains, virsh
from lab.machines import plug
from provisioning.topology import Topology

# Whatever else libvirt says (paused, in shutdown, …), there is a QEMU.
OFF = ("shut off", "crashed")


def states(topology: Topology, *, timeout_s: float) -> dict[str, str]:
    """Return machine name -> "running", "paused", "off" or "absent", for every machine.

    Raises ToolFailed when libvirt does not say so within `timeout_s`.
    """
    space = settings.namespace_of(topology)
    # No namespace, no libvirtd of the lab's own to ask, and no machine.
    nowhere = space is not None and not netns.exists(space)
    found = {} if nowhere else domains(f"{topology.lab}_", timeout_s=timeout_s)
    return {machine.name: _named(found.get(machine.name)) for machine in topology.machines}


def _named(state: str | None) -> str:
    """libvirt's state of a domain in our words. Paused is what a freeze leaves that was killed."""
    if state is None:
        return "absent"
    return "off" if state in OFF else "paused" if state == "paused" else "running"


def discard(topology: Topology, name: str) -> None:
    """End the machine `name` where it stands, and let libvirt forget it; its disk stays."""
    full = domain(topology, name)
    if domains(f"{topology.lab}_")[name] not in OFF:
        plug.pull(full)
    virsh("undefine", full, "--managed-save", "--snapshots-metadata")


def domain(topology: Topology, name: str) -> str:
    """Return what libvirt calls the machine `name`."""
    return f"{topology.lab}_{name}"
