"""The machines' states and power, whatever runs them: lab.machines.provider begins, this waits."""

from collections.abc import Sequence

from lab import paths, waiting
from lab.errors import MachineAbsent, MachineDied
from lab.host import console
from lab.host.speed import deadline_s
from lab.machines import remote
from lab.machines.choice import chosen
from lab.machines.provider import Verb
from provisioning import topology as topology_file
from provisioning.run import ToolFailed, run
from provisioning.topology import Machine, Topology
from services.core.errors import LabError, NodeUnreachable

# With KVM; lab.host.speed scales them.
BOOT_S = 20
# A node says goodbye first, and waits for its containers to run elsewhere.
HALT_S = 30
# A person at a terminal takes a longer silence for a hang.
_LOOK_S = 4.0
_COMMAND_S = 60


def machine_states(topology: Topology, *, timeout_s: float = 60) -> dict[str, str]:
    """Return machine name -> "running", "paused", "off" or "absent", for every machine.

    Raises ToolFailed when what runs them does not say so within `timeout_s`.
    """
    return chosen().states(topology, timeout_s=timeout_s)


def check_running(topology: Topology, name: str) -> None:
    """Raise a LabError that names the remedy if machine `name` cannot answer: it does not run.

    Where what runs it is silent, too, it may run: then nothing is raised.
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
    """Create and boot the machines `names`; returns once SSH answers.

    Raises ToolFailed with the last words of what creates them, MachineDied and TookTooLong.
    """
    topology = topology_file.load()
    for name in chosen().create(names):
        _await_ssh(topology, topology.machine(name))


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
            _do(topology, Verb.START, name)
        if states[name] == "paused":
            _do(topology, Verb.RESUME, name)
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
        _do(topology, Verb.CUT, name)
    remote.disconnect(machine)


def halt(name: str) -> None:
    """Shut `name` down in an orderly way; returns once it is off. Idempotent."""
    topology = topology_file.load()
    machine = topology.machine(name)
    if machine_states(topology)[name] == "running":
        _do(topology, Verb.HALT, name)
        waiting.until(
            lambda: machine_states(topology)[name] == "off",
            f"{name} is off",
            timeout_s=deadline_s(HALT_S),
            hint=f"pull its plug instead: lab chaos halt {name}",
        )
    remote.disconnect(machine)


def _do(topology: Topology, verb: Verb, name: str) -> None:
    """What was asked for happens, whatever becomes of who asked: Ctrl-C must not hide it."""
    words = chosen().command(topology, verb, name)
    run(
        words,
        cwd=paths.ROOT,
        timeout_s=_COMMAND_S,
        uninterrupted=True,
        hint="lab doctor says what is missing",
    )
