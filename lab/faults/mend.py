"""Undo on one machine what the ledger names, and remove every other trace of a fault."""

import time
from collections.abc import Iterable, Sequence

from lab.faults import ledger, traces
from lab.faults.ledger import Hurt
from lab.faults.perform import Say, attempt, perform, seen
from lab.faults.strike import Put, record, undo
from lab.host.speed import deadline_s
from provisioning.topology import Machine, Topology
from services.core.errors import LabError

# What undoes waits for what it starts; a login may take a moment.
_GONE_S = 10.0


def sweep(lab: Topology, machine: Machine, hurts: Iterable[Hurt], say: Say, put: Put) -> None:
    """Return once no trace of a fault is left on `machine`, which answers.

    Says in one line what was found, and nothing where there was nothing. Raises LabError where
    something is left; the ledger goes on naming it.
    """
    undone, stay = [], []
    for hurt in [hurt for hurt in hurts if hurt.target == machine.name]:
        proof = undo(lab, hurt, deadline_s(_GONE_S))
        if proof.so:
            undone.append(f"undid {hurt.fault} ({hurt.id})")
            record(put, hurt, "healed", "; ".join(map(str, hurt.undo)), proof.evidence)
        else:
            stay.append(f"{hurt}: {proof.evidence}")
    found = _look(lab, machine)
    if found:
        attempt(lab, traces.removal(machine.name, found))
        stay += [traces.words([trace]) for trace in _look(lab, machine)]
    removed = [f"removed {traces.words(found)}"] if found else []
    if undone or found:
        say(f"{machine.name}: {'; '.join(undone + removed)}")
    if stay:
        raise LabError(
            f"{machine.name} still has {', '.join(stay)}",
            hint=f"lab heal, then by hand: lab ssh {machine.name}; the ledger is {ledger.folder()}",
        )


def remind(say: Say) -> None:
    """Say which faults were to be undone by now: the `lab` that was to do it was killed."""
    for hurt in ledger.read().hurts:
        if hurt.until_s is not None and hurt.until_s < time.time():
            say(f"should have ended by now: {hurt}; lab heal undoes it")


def settle(lab: Topology, say: Say) -> None:
    """Strike from the ledger what is gone without our doing, and say what is not."""
    for hurt in ledger.read().hurts:
        if seen(lab, hurt.gone, 0).so:
            attempt(lab, hurt.undo)
            ledger.remove(hurt.id)
        else:
            say(f"still there: {hurt}; lab heal undoes it")


def warn_of_save(lab: Topology, say: Say) -> None:
    """Say which faults act while the lab is saved: every thaw has them again.

    A chapter may be about a broken lab, so this is no error.
    """
    settle(lab, say)
    if hurts := ledger.read().hurts:
        names = ", ".join(f"{hurt.fault} on {hurt.target}" for hurt in hurts)
        say(f"saved, too, and back after each thaw: {names}; without that: lab heal, then again")


def _look(lab: Topology, machine: Machine) -> Sequence[tuple[str, str]]:
    return traces.listed(perform(lab, traces.look(machine.name)))
