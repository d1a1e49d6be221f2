"""The machines, made by Vagrant and vagrant-libvirt, switched by libvirt.

Vagrant creates and deletes: what it made, `vagrant halt|up|ssh|destroy` knows. What the lab
does often goes to libvirt directly, because the `vagrant` command takes 2 s before it begins.
"""

from collections.abc import Sequence

from lab import waiting
from lab.errors import MachineAbsent, MachineDied
from lab.host import console, netns, settings
from lab.host.speed import deadline_s
from lab.host.virsh import domains, virsh
from lab.machines import plug, remote
from lab.machines.command import vagrant
from provisioning import topology as topology_file
from provisioning.run import ToolFailed
from provisioning.topology import Machine, Topology
from services.core.errors import LabError, NodeUnreachable

# With KVM; lab.host.speed scales them.
_UP_S = 25
BOOT_S = 20
# A node says goodbye first, and waits for its containers to run elsewhere.
HALT_S = 30
# A person at a terminal takes a longer silence of libvirt for a hang.
_LOOK_S = 4.0
# Whatever else libvirt says (paused, in shutdown, …), there is a QEMU.
OFF = ("shut off", "crashed")


def machine_states(topology: Topology, *, timeout_s: float = 60) -> dict[str, str]:
    """Return machine name -> "running", "paused", "off" or "absent", for every machine.

    Raises ToolFailed when libvirt does not say so within `timeout_s`.
    """
    space = settings.namespace_of(topology)
    # No namespace, no libvirtd of the lab's own to ask, and no machine.
    nowhere = space is not None and not netns.exists(space)
    found = {} if nowhere else domains(f"{topology.lab}_", timeout_s=timeout_s)
    states = {}
    for machine in topology.machines:
        states[machine.name] = _named(found.get(machine.name))
    return states


def _named(state: str | None) -> str:
    """libvirt's state of a domain in our words. Paused is what a freeze leaves that was killed."""
    if state is None:
        return "absent"
    return "off" if state in OFF else "paused" if state == "paused" else "running"


def check_running(topology: Topology, name: str) -> None:
    """Raise a LabError that names the remedy if machine `name` cannot answer: it does not run.

    Where libvirt is silent, too, it may run: then nothing is raised.
    """
    try:
        state = machine_states(topology, timeout_s=_LOOK_S)[name]
    except ToolFailed:
        return
    if state == "absent":
        raise MachineAbsent(name)
    if state != "running":
        raise LabError(
            f"machine {name!r} is {state}",
            hint=f"lab heal {'lets it go on' if state == 'paused' else 'boots it'}",
        )


def create(names: Sequence[str]) -> None:
    """Create and boot the machines `names`. Raises ToolFailed with the log's end."""
    vagrant(["up", *names], timeout_s=deadline_s(_UP_S))


def start(*names: str) -> None:
    """Boot the machines `names` that are off, let paused ones go on; returns once SSH answers.

    Raises MachineAbsent, MachineDied, and TookTooLong.
    """
    topology = topology_file.load()
    states = machine_states(topology)
    for name in names:
        topology.machine(name)
        if states[name] == "absent":
            raise MachineAbsent(name)
        if states[name] == "off":
            virsh("start", domain(topology, name))
        if states[name] == "paused":
            virsh("resume", domain(topology, name))
    for name in names:
        _await_ssh(topology, topology.machine(name))


def _await_ssh(topology: Topology, machine: Machine) -> None:
    def answers() -> bool:
        try:
            remote.run(machine, ["true"], timeout_s=deadline_s(2))
        except NodeUnreachable:
            if machine_states(topology)[machine.name] != "running":
                raise MachineDied(machine.name) from None
            return False
        return True

    waiting.until(
        answers,
        f"{machine.name} answers over SSH",
        timeout_s=deadline_s(BOOT_S),
        hint=f"watch it boot: tail -f {console.file(machine.name)}",
    )


def may_boot(name: str) -> bool:
    """Return whether `name`, which runs, may be booting: its console tells of every boot."""
    return console.silent_s(name) < deadline_s(BOOT_S)


def cut(name: str) -> None:
    """Pull the plug of `name`: no shutdown, no last word. Idempotent."""
    topology = topology_file.load()
    machine = topology.machine(name)
    if machine_states(topology)[name] in ("running", "paused"):
        virsh("destroy", domain(topology, name))
    remote.disconnect(machine)


def halt(name: str) -> None:
    """Shut `name` down in an orderly way; returns once it is off. Idempotent."""
    topology = topology_file.load()
    machine = topology.machine(name)
    if machine_states(topology)[name] == "running":
        virsh("shutdown", domain(topology, name))
        waiting.until(
            lambda: machine_states(topology)[name] == "off",
            f"{name} is off",
            timeout_s=deadline_s(HALT_S),
            hint=f"pull its plug instead: lab chaos halt {name}",
        )
    remote.disconnect(machine)


def discard(topology: Topology, name: str) -> None:
    """End the machine `name` where it stands, and let libvirt forget it; its disk stays."""
    full = domain(topology, name)
    if domains(f"{topology.lab}_")[name] not in OFF:
        plug.pull(full)
    virsh("undefine", full, "--managed-save", "--snapshots-metadata")


def domain(topology: Topology, name: str) -> str:
    """Return what libvirt calls the machine `name`."""
    return f"{topology.lab}_{name}"
