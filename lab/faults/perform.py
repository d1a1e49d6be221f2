"""Perform the commands of plans, on the host and in machines."""

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from lab import paths, waiting
from lab.faults.plan import HOST, Command
from lab.host.speed import deadline_s
from lab.machines import remote
from lab.waiting import TookTooLong
from provisioning.run import run
from provisioning.topology import Topology
from services.core.errors import LabError

Say = Callable[[str], None]
# A look that costs a login under emulation has just been made.
_EVERY_S = 0.3


class Proof(NamedTuple):
    """Whether all of some commands ended with 0 in time, and what they printed, or the first
    that did not."""

    so: bool
    evidence: str


def perform(lab: Topology, command: Command) -> str:
    """Run `command` and return what it prints; raises LabError."""
    if command.where == HOST:
        # What a machine's power was asked for happens: Ctrl-C must not hide that from us.
        timeout_s = command.timeout_s
        return run(command.argv, cwd=paths.ROOT, timeout_s=timeout_s, uninterrupted=True)
    machine = lab.machine(command.where)
    return remote.run(machine, command.argv, timeout_s=deadline_s(command.timeout_s))


def attempt(lab: Topology, commands: Iterable[Command]) -> None:
    """Run all `commands`, whatever becomes of each: what undoes, where there may be nothing."""
    for command in commands:
        try:
            perform(lab, command)
        except LabError:
            continue


def seen(lab: Topology, commands: Sequence[Command], limit_s: float) -> Proof:
    """Return whether each of `commands`, in order, ends with 0; each is tried for so long."""
    evidence = []
    for command in commands:
        last = ""

        def ends_well(command: Command = command) -> bool:
            nonlocal last
            try:
                last = " ".join(perform(lab, command).split())
            except LabError as error:
                last = command.why or str(error)
                return False
            return True

        try:
            waiting.until(ends_well, str(command), timeout_s=limit_s, every_s=_EVERY_S)
        except TookTooLong:
            return Proof(False, last)
        evidence.append(last)
    return Proof(True, "; ".join(filter(None, evidence)) or "; ".join(map(str, commands)))
