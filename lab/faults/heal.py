"""Return the lab to normal, whatever happened to it. Idempotent, and needs no memory.

Decides a plan from what it finds, and performs it on all machines at once, so that one machine
that does not answer delays no other.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

from lab import waiting
from lab.bringup import look, plan
from lab.bringup.plan import MODES, Act, Step
from lab.errors import LabNotUp, MachineAbsent
from lab.faults import ledger
from lab.faults.api import api_units
from lab.faults.chaos import START_S
from lab.faults.ledger import Hurt
from lab.faults.mend import sweep
from lab.faults.strike import Put, unrecorded
from lab.host import forward
from lab.host.speed import deadline_s
from lab.machines import power, remote
from lab.machines.choice import chosen
from lab.machines.units import properties
from lab.snapshot import store, thaw
from lab.snapshot.pause import correct_clocks
from lab.waiting import TookTooLong
from provisioning.topology import Machine, Topology
from services.core.errors import LabError, NodeUnreachable

Say = Callable[[str], None]
Acts = Mapping[Act, Callable[[Machine, Say], None]]

DAEMON_ENDED = "a daemon of the lab's own has ended"
ANY_STATE = "some units may be stopped; starting one that runs has no effect"
IN_LEDGER = "the ledger names it"
TRACES = "no ledger names what was done by hand; push's `fake` is a trace"
STOOD_STILL = "machines may have been paused, and nodes follow the clock of `api`"
FORWARDER = "the process that carries connections to the APIs has ended"
KILLED = "they were not finished"

_COMMAND_S = 10.0
_LOGIN_S = 2.0


class Harm(NamedTuple):
    """What was found. states: machine -> its state; left: folders of killed saves.

    hurts: what the ledger names, torn: what of it cannot be read.
    """

    states: Mapping[str, str]
    libvirt: bool = True
    ports: bool = True
    left: Sequence[str] = ()
    hurts: Sequence[Hurt] = ()
    torn: Sequence[str] = ()


def decide(harm: Harm) -> tuple[Step, ...]:
    """Return the steps that mend `harm`, in the order in which each machine gets them. Pure."""
    exist = tuple(name for name, state in harm.states.items() if state != "absent")
    steps = [
        Step(Act.LIBVIRT, (), DAEMON_ENDED) if not harm.libvirt else None,
        Step(Act.TIDY, tuple(harm.left), KILLED) if harm.left else None,
        *plan.reach(harm.states, absent=Act.GIVE_UP),
        Step(Act.UNDO, tuple(map(str, harm.hurts)), IN_LEDGER) if harm.hurts else None,
        Step(Act.SWEEP, exist, TRACES),
        Step(Act.START, exist, ANY_STATE),
        Step(Act.CLOCKS, exist, STOOD_STILL),
        Step(Act.PORTS, MODES["both"], FORWARDER) if not harm.ports else None,
    ]
    return tuple(step for step in steps if step and (step.names or step.act is Act.LIBVIRT))


def look_at(topology: Topology) -> Harm:
    """Return what there is to mend. Raises LabNotUp without machines, LabError after a thaw that
    did not finish. Changes nothing.
    """
    thaw.check_whole()
    states = look.states(topology)
    if set(states.values()) == {"absent"}:
        raise LabNotUp(topology.lab)
    left = [str(folder) for labs in store.stores() for folder in labs.left()]
    libvirt = chosen().complete(topology)
    book = ledger.read()
    torn = [str(file) for file in book.unreadable]
    return Harm(states, libvirt, forward.current(topology), left, book.hurts, torn)


def heal(topology: Topology, say: Say, put: Put = unrecorded) -> None:
    """Boot every VM that is off, remove what faults left, start what its modes need, set clocks.

    Deletes nothing that a user declared. What cannot be mended is named at once, and raised when
    all else is mended. put: takes a record of each fault that was healed. Raises as `look_at` does.
    """
    harm = look_at(topology)
    if not harm.libvirt:
        say(str(decide(harm)[0]))
        chosen().revive(topology)
        harm = look_at(topology)
    steps = decide(harm)
    for step in steps:
        say(str(step))
    for labs in store.stores():
        labs.sweep()
    with waiting.at_once(len(topology.machines)) as pool:
        acts = {
            **_ON_MACHINE,
            Act.SWEEP: lambda machine, say: sweep(topology, machine, harm.hurts, say, put),
        }
        ends = list(pool.map(lambda machine: _mend(machine, steps, acts, say), topology.machines))
    mended = [machine for machine, end in zip(topology.machines, ends, strict=True) if not end]
    ends.append(_error_of(lambda: correct_clocks(mended, say)))
    if not any(ends):
        _discard(harm, say)
    if not harm.ports:
        ends.append(_error_of(lambda: forward.ensure(topology)))
    _raise([end for end in ends if end])


def _discard(harm: Harm, say: Say) -> None:
    """Delete what nothing can be done about any more: no machine has a trace of it."""
    for hurt in ledger.read().hurts:
        if hurt.target not in harm.states:
            ledger.remove(hurt.id)
    for file in harm.torn:
        say(f"{file} could not be read, and is deleted: no machine has a trace of a fault")
        Path(file).unlink(missing_ok=True)


def _mend(machine: Machine, steps: Sequence[Step], acts: Acts, say: Say) -> LabError | None:
    """Perform on `machine` what of `steps` concerns it; return the error that ended it, if any."""
    errors = []
    for step in steps:
        if machine.name not in step.names or step.act not in acts:
            continue
        error = _error_of(partial(acts[step.act], machine, say))
        if error:
            say(f"{machine.name} cannot be mended: {error}")
            errors.append(error)
        # What a fault left does not keep its services from starting.
        if error and step.act is not Act.SWEEP:
            break
    return errors[0] if errors else None


def _error_of(action: Callable[[], object]) -> LabError | None:
    try:
        action()
    except LabError as error:
        return error
    return None


def _raise(errors: Sequence[LabError]) -> None:
    """Raise the only error, or one that says all of them, each text and each remedy once."""
    if len(errors) == 1:
        raise errors[0]
    if errors:
        hints = dict.fromkeys(error.hint for error in errors if error.hint)
        raise LabError("; ".join(dict.fromkeys(map(str, errors))), hint="; ".join(hints))


def _give_up(machine: Machine, _: Say) -> None:
    raise MachineAbsent(machine.name)


def _boot(machine: Machine, _: Say) -> None:
    power.start(machine.name)


def _reach(machine: Machine, say: Say) -> None:
    """Return once `machine` answers, which runs. If not at once, it may be booting."""
    try:
        remote.run(machine, ["true"], timeout_s=deadline_s(_LOGIN_S))
        return
    except NodeUnreachable:
        if not power.may_boot(machine.name):
            raise _hung(machine) from None
        say(f"{machine.name} does not answer; waiting, as it may be booting")
    try:
        power.start(machine.name)
    except TookTooLong as error:
        raise _hung(machine) from error


def _hung(machine: Machine) -> LabError:
    return LabError(
        f"machine {machine.name!r} runs, but does not answer over SSH",
        hint=f"lab chaos cut {machine.name} && lab heal",
    )


def _start(machine: Machine, say: Say) -> None:
    """Starting a target that is active starts again whatever of it was stopped."""
    modes = _modes(machine)
    if not modes:
        say(f"{machine.name}: no mode is on, nothing to start")
        return
    targets = [f"{mode}.target" for mode in modes]
    apis = api_units(modes) if machine.role == "api" else []
    start = ["systemctl", "start", *targets, *apis]
    remote.run(machine, start, timeout_s=max(START_S, deadline_s(_COMMAND_S)))


def _modes(machine: Machine) -> list[str]:
    """Return the modes that are on, or will be: a machine that just booted may not be there yet."""
    targets = [f"{mode}.target" for mode in MODES["both"]]
    show = ["systemctl", "show", "--property=Id,ActiveState,UnitFileState", *targets]
    return wanted_modes(remote.run(machine, show, timeout_s=deadline_s(_COMMAND_S)))


def wanted_modes(shown: str) -> list[str]:
    """Return the modes whose target `systemctl show` calls active or enabled, in its order."""
    modes = []
    for fields in properties(shown):
        if fields.get("ActiveState") == "active" or fields.get("UnitFileState") == "enabled":
            modes.append(fields.get("Id", "").removesuffix(".target"))
    return modes


_ON_MACHINE: Acts = {
    Act.GIVE_UP: _give_up,
    Act.BOOT: _boot,
    Act.RESUME: _boot,
    Act.REACH: _reach,
    Act.START: _start,
}
