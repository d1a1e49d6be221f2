"""Machines made by Vagrant and vagrant-libvirt, switched by libvirt: a lab.machines.provider.

Vagrant creates and deletes: what it made, `vagrant halt|up|ssh|destroy` knows. What the lab
does often goes to libvirt directly, because the `vagrant` command takes 2 s before it begins.
"""

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from lab.host import daemons, netns, networks, settings, shared, virsh
from lab.host.speed import deadline_s
from lab.machines.command import vagrant
from lab.machines.domains import domain
from lab.machines.domains import states as states
from lab.machines.provider import Address, Say, Verb
from lab.terminal.progress import Progress
from provisioning.topology import Machine, Topology
from services.core.errors import LabError

if TYPE_CHECKING:
    from provisioning.box.build import Box

# With KVM; lab.host.speed scales it.
_UP_S = 25
_LOOK_S = 60
_VIRSH = ("virsh", "--quiet", "--connect", virsh.URI)
_WORDS = {
    Verb.START: "start",
    Verb.HALT: "shutdown",
    Verb.CUT: "destroy",
    Verb.PAUSE: "suspend",
    Verb.RESUME: "resume",
}
_STATES = {"off": "shut off", "paused": "paused"}


def tools(*, creating: bool) -> Sequence[str]:
    """Return libvirt's programs, and Vagrant where it has to create something."""
    needed = ("qemu-system-x86_64", "qemu-img", "virsh", "ssh", "nc", "setpriv")
    return (*needed, "vagrant") if creating else needed


def saves() -> bool:
    """Return True: libvirt saves the memory of machines, see lab.snapshot."""
    return True


def claim(topology: Topology, box: "Box", saved: Collection[str], say: Say) -> None:
    """Start libvirt where that is the lab's; delete what is left over, refuse what runs."""
    # All that makes a box takes 60 ms to import, and `lab status` needs none of it.
    from lab.machines import boxes, inventory, leftovers
    from provisioning.box.cache import NAME

    namespace = netns.wanted(topology)
    if namespace is not None:
        daemons.ensure(namespace)
    boxes.ensure_pool()
    place = inventory.ours(topology)
    found = place.look()
    images = [boxes.image(NAME, version) for version in {*saved, box.version}]
    lab = place.lab(found, images)
    foreign = leftovers.foreign(found, lab)
    if foreign:
        folder = min(str(maker.parent) for maker in foreign.values())
        raise LabError(
            f"machines of another checkout are running: {', '.join(foreign)} of {folder}",
            hint="use that one, or delete its machines: lab down",
        )
    place.perform(leftovers.left_over(found, lab), say)


def furnish(topology: Topology, box: "Box", saved: Collection[str], say: Say) -> None:
    """Define the networks; make the box known to Vagrant, and its image to libvirt."""
    from lab.machines import boxes

    networks.ensure(topology)
    if set(states(topology, timeout_s=_LOOK_S).values()) == {"absent"}:
        boxes.prune(box.version, set(saved))
        shared.prune()
    boxes.ensure_box(box)
    boxes.ensure_image(box)
    outdated = boxes.outdated(box)
    if outdated:
        say(
            f"{', '.join(outdated)} stand on an older box; what changed in the image "
            "itself reaches them with: lab down && lab up both"
        )


def create(names: Sequence[str]) -> Sequence[str]:
    """Create and boot `names`; Vagrant waits until they answer. ToolFailed has the log's end."""
    vagrant(["up", *names], timeout_s=deadline_s(_UP_S))
    return ()


def delete(topology: Topology, *, ground: bool) -> list[str]:
    """Delete the machines and their disks; ground: also the networks."""
    from lab.machines import boxes, inventory

    namespace = settings.namespace_of(topology)
    if ground and namespace is not None:
        if not netns.exists(namespace) and not inventory.traces(topology):
            return []
        # QEMU outlives a libvirtd that crashed, and files a computer that was switched off; only
        # a libvirtd can find what they belong to.
        daemons.ensure(namespace)
    if ground:
        boxes.ensure_pool()
    place = inventory.ours(topology)
    return place.clear() if ground else place.clear(networks=False)


def release(topology: Topology, progress: Progress) -> None:
    """Stop the lab's own libvirt, unless it has machines of others."""
    if daemons.ours() and not virsh.domains(""):
        with progress.phase("stop libvirt"):
            namespace = settings.namespace_of(topology)
            daemons.stop()
            if namespace is not None:
                netns.remove(namespace)


def complete(topology: Topology) -> bool:
    """Return whether the lab's own libvirt runs, where it needs one."""
    return daemons.complete(settings.namespace_of(topology))


def revive(topology: Topology) -> None:
    """Start the lab's own libvirt, where it needs one."""
    namespace = settings.namespace_of(topology)
    if namespace is not None:
        daemons.ensure(namespace)


def command(topology: Topology, verb: Verb, name: str) -> tuple[str, ...]:
    """Return a call of virsh."""
    return (*_VIRSH, _WORDS[verb], domain(topology, name))


def proof(topology: Topology, state: str, name: str) -> tuple[str, ...]:
    """Return a shell's words that ask virsh for the state."""
    asked = f"{' '.join(_VIRSH)} domstate {domain(topology, name)}"
    return ("sh", "-c", f'{asked} | grep -qx "{_STATES[state]}"')


def address(machine: Machine, port: int) -> Address:
    """Return the address in the management network: this computer is in it."""
    return Address(machine.management, port)


def lab_address(machine: Machine, port: int) -> Address:
    """Return the address in the lab's network: this computer is in that, too."""
    return Address(machine.address, port)
