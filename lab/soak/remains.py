"""What is still there of the lab after `lab down`: on this computer, not as `down` remembers it."""

from pathlib import Path

from lab.host import daemons, netns, settings, virsh
from lab.machines import inventory, leftovers
from provisioning.topology import Topology


def remains(topology: Topology) -> list[str]:
    """Return what is still there, a line each; empty after a `down` that left nothing."""
    found = _processes(topology)
    namespace = settings.namespace_of(topology)
    if namespace is not None:
        if daemons.ours():
            found.append("a libvirtd of the lab's runs")
        if netns.exists(namespace):
            found.append(f"the network namespace {namespace} is there")
        return found + inventory.traces(topology)
    if not virsh.answers():
        return found + inventory.traces(topology)
    place = inventory.ours(topology)
    there = place.look()
    tasks = leftovers.everything(there, place.lab(there))
    return found + [f"{task.name} is there" for task in tasks]


def _processes(topology: Topology) -> list[str]:
    """QEMUs of the lab's machines, also those that libvirt has forgotten."""
    found = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = file.read_bytes().split(b"\0")
        except OSError:
            continue
        for word in words:
            if word.startswith(f"guest={topology.lab}_".encode()):
                guest = word.decode(errors="replace").removeprefix("guest=").partition(",")[0]
                found.append(f"a QEMU runs {guest} (pid {file.parent.name})")
    return sorted(found)
