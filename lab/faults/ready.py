"""Before a fault acts: what exactly it would do here and now, and whether it can."""

from collections.abc import Mapping, Sequence

from lab.bringup.plan import ABSENT
from lab.errors import LabNotUp, MachineAbsent
from lab.faults import ledger
from lab.faults.perform import attempt, seen
from lab.faults.plan import Fault, Plan, complete
from lab.machines import power
from lab.planes import modes
from provisioning.topology import Machine, Topology
from services.core.errors import LabError


def planned(
    lab: Topology, fault: Fault, targets: Sequence[Machine], options: Mapping[str, str]
) -> dict[str, Plan]:
    """Return target -> its plan. Raises LabError, as `resolved` does."""
    chosen = resolved(lab, fault, options)
    return {machine.name: fault.plan(lab, machine, chosen) for machine in targets}


def resolved(lab: Topology, fault: Fault, options: Mapping[str, str]) -> dict[str, str]:
    """Return the value of every option of `fault`, with the modes that `both` means now.

    Raises LabError for a bad value, and for a mode that is off.
    """
    chosen = complete(fault, options)
    if chosen.get("mode") in ("push", "pull", "both"):
        chosen["mode"] = ",".join(modes.pick(chosen["mode"], modes.on(lab)))
    return chosen


def check_up(lab: Topology, fault: Fault, targets: Sequence[Machine]) -> None:
    """Raise LabError where a target does not run; without targets, nothing to do is an error."""
    states = power.machine_states(lab)
    if all(state == ABSENT for state in states.values()):
        raise LabNotUp(lab.lab)
    for machine in targets:
        state = states.get(machine.name, ABSENT)
        if state == ABSENT:
            raise MachineAbsent(machine.name)
        if state != "running":
            raise LabError(
                f"machine {machine.name!r} is {state}: no {fault.name} can hurt it",
                hint=f"lab heal {'lets it go on' if state == 'paused' else 'boots it'}",
            )


def check_free(lab: Topology, fault: Fault, targets: Sequence[Machine]) -> None:
    """Raise LabError where `fault` acts on a target already, by the ledger and by a look."""
    names = [machine.name for machine in targets]
    for hurt in ledger.read().hurts:
        if hurt.fault == fault.name and hurt.target in names:
            if not seen(lab, hurt.gone, 0).so:
                raise LabError(f"{hurt} acts already", hint="lab heal")
            # Also its timer, which would undo the new one.
            attempt(lab, hurt.undo)
            ledger.remove(hurt.id)


def check_needs(lab: Topology, fault: Fault, plan: Plan) -> None:
    """Raise LabError where a machine lacks what `fault` needs; changes nothing."""
    proof = seen(lab, plan.needs, plan.needs_s)
    if not proof.so:
        raise LabError(
            f"{fault.name} cannot act: {proof.evidence}", hint=f"lab chaos {fault.name} --help"
        )
