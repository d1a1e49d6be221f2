"""Bring the lab back to normal, whatever happened to it. Idempotent, and needs no memory."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from lab.errors import LabNotUp, MachineAbsent
from lab.faults.chaos import ABSENT, MARKS, START_S, api_units
from lab.host import forward
from lab.host.speed import deadline_s
from lab.machines import remote, vagrant
from lab.machines.units import FAKE, container_unit, properties
from lab.planes.survey import RUNNING
from lab.snapshot import thaw
from provisioning.topology import Machine, Topology
from services.core.errors import LabError

Say = Callable[[str], None]

# Not from /run down: find fails when a folder that it was about to enter vanishes, and there the
# folders of containers come and go.
FIND = ("sh", "-c", f"test ! -d {MARKS} || find {MARKS} -mindepth 2 -printf '%P\\n'")
_COMMAND_S = 10.0


def heal(topology: Topology, say: Say) -> None:
    """Boot every VM that is off, start what its modes need, and stop strays of chaos.

    Deletes nothing that a user declared. A VM that does not answer is reported after the
    others are mended; raises LabNotUp when the lab was never brought up, CutShort when a killed
    thaw left machines that do not belong together.
    """
    thaw.check_whole()
    states = vagrant.machine_states(topology)
    if all(state == ABSENT for state in states.values()):
        raise LabNotUp(topology.lab)
    errors: list[LabError] = []
    for machine in topology.machines:
        with _noted(errors):
            _boot(machine, states.get(machine.name, ABSENT), say)
    with _noted(errors):
        if forward.ensure(topology):
            say("the APIs answer on localhost again")
    with _noted(errors):
        _start(topology.machines, _modes(topology), say)
    for node in topology.nodes:
        with _noted(errors):
            _sweep(node, say)
    if errors:
        raise errors[0]


@contextmanager
def _noted(errors: list[LabError]) -> Iterator[None]:
    """Let what follows go on after an error, which is appended to `errors`."""
    try:
        yield
    except LabError as error:
        errors.append(error)


def _boot(machine: Machine, state: str, say: Say) -> None:
    if state == ABSENT:
        raise MachineAbsent(machine.name)
    if state != RUNNING:
        say(f"{machine.name} is {state}: {'let it go on' if state == 'paused' else 'boot it'}")
        vagrant.start(machine.name)


def _modes(topology: Topology) -> list[str]:
    """Return the modes that are on, or will be: a machine that just booted may not be there yet."""
    targets = [f"{mode}.target" for mode in topology.ports]
    show = ["systemctl", "show", "--property=Id,ActiveState,UnitFileState", *targets]
    said = remote.run(topology.api, show, timeout_s=deadline_s(_COMMAND_S))
    return wanted_modes(said)


def wanted_modes(shown: str) -> list[str]:
    """Return the modes whose target `systemctl show` calls active or enabled, in its order."""
    modes = []
    for fields in properties(shown):
        if fields.get("ActiveState") == "active" or fields.get("UnitFileState") == "enabled":
            modes.append(fields.get("Id", "").removesuffix(".target"))
    return modes


def _start(machines: Sequence[Machine], modes: Sequence[str], say: Say) -> None:
    """Starting a target that is active starts again whatever of it was stopped."""
    if not modes:
        say("no mode is on: nothing to start")
        return
    targets = [f"{mode}.target" for mode in modes]
    # Only where its condition holds does an API start; elsewhere this is nothing.
    start = ["systemctl", "start", *targets, *api_units(modes)]
    remote.run_everywhere(machines, start, timeout_s=max(START_S, deadline_s(_COMMAND_S)))


def _sweep(node: Machine, say: Say) -> None:
    """Stop what chaos started. In pull the agents have done it already."""
    found = remote.run(node, FIND, timeout_s=deadline_s(_COMMAND_S))
    stop = ["systemctl", "stop", *strays(found)]
    remote.run(node, stop, timeout_s=deadline_s(_COMMAND_S))
    if found:
        say(f"{node.name}: removed {', '.join(stop[2:])}")
        remote.run(node, ["rm", "-rf", MARKS], timeout_s=deadline_s(_COMMAND_S))


def strays(found: str) -> list[str]:
    """Return the units of the marks in `found`, lines like push/fake.

    Push's `fake` is always among them: it is the name by which the demonstration's audience
    corrupts a node by hand, and nobody else would ever stop it.
    """
    marks = [line.split("/") for line in found.splitlines() if line.count("/") == 1]
    return sorted({container_unit("push", FAKE), *(container_unit(*mark) for mark in marks)})
