"""Hit machines with a fault, and undo it: what is intended is written down before anything acts."""

import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple, Protocol, TypeVar

from lab import waiting
from lab.faults import ledger
from lab.faults.catalogue import find
from lab.faults.ledger import Hurt
from lab.faults.perform import Proof, Say, attempt, perform, seen
from lab.faults.plan import HOST, Command, Fault, Plan, background
from lab.faults.ready import check_free, check_needs, check_up, planned
from lab.host.speed import deadline_s
from lab.machines import remote
from provisioning.topology import Machine, Topology
from services.core.errors import LabError

# A fault ends by itself after that, where it can, if nothing else ended it.
DEAD_MAN_S = 600.0
# The dead man waits until `lab` should have seen it bite, and undone it.
_AFTER_S = 10.0
UNDO_UNIT = "lab-undo-"

T = TypeVar("T")


class Put(Protocol):
    """Takes a record of the history; see lab.history."""

    def __call__(self, kind: str, **fields: Any) -> None: ...


def unrecorded(kind: str, **fields: object) -> None:
    """Take a record where there is no history."""


class Hit(NamedTuple):
    """One target of a strike."""

    hurt: Hurt
    plan: Plan
    machine: Machine


class Strike:
    """A fault on some machines. proofs: target -> whether its effect was seen, and how."""

    def __init__(self, lab: Topology, hits: Sequence[Hit], say: Say, put: Put) -> None:
        self.lab = lab
        self.hits = tuple(hits)
        self.proofs: dict[str, Proof] = {}
        self._say = say
        self._put = put
        self._undone: set[str] = set()

    def undo(self) -> None:
        """Undo the fault everywhere; returns once no trace is left. Idempotent.

        Raises LabError where a trace is left, or may be; then the ledger goes on naming it.
        """
        left = [hit for hit in self.hits if hit.hurt.id not in self._undone]
        with waiting.at_once(len(left)) as pool:
            errors = [error for error in pool.map(self._undo, left) if error]
        if errors:
            raise LabError("; ".join(errors), hint="lab heal")

    def act(self) -> None:
        """Arm, act, and look for the effect, each on all targets at once. Raises LabError."""
        with waiting.at_once(len(self.hits)) as pool:
            _all(pool, self._arm, self.hits)
            for hit in self.hits:
                for command in hit.plan.act:
                    self._say(str(command))
            _all(pool, self._act, self.hits)
            self.proofs = dict(_all(pool, self._bite, self.hits))

    def _arm(self, hit: Hit) -> None:
        """Have the machine undo the fault itself, should there be no `lab` any more."""
        fault = find(hit.hurt.fault)
        until_s = hit.hurt.until_s
        if fault.momentary or not fault.alone or (fault.lasts and until_s is None):
            return
        after_s = deadline_s(_AFTER_S + hit.plan.bites_s)
        wait_s = DEAD_MAN_S if until_s is None else until_s - time.time() + after_s
        script = "; ".join(command.text for command in hit.plan.undo)
        timer = (f"--on-active={max(1.0, wait_s):.0f}s", "--timer-property=AccuracySec=1s")
        run = (*background(f"{UNDO_UNIT}{hit.hurt.id}"), *timer, "--service-type=oneshot")
        perform(self.lab, Command(hit.machine.name, (*run, "sh", "-c", script)))

    def _act(self, hit: Hit) -> None:
        self._record(hit, "acting", "; ".join(map(str, hit.plan.act)))
        for command in hit.plan.act:
            perform(self.lab, command)
        if any(command.where == HOST for command in hit.plan.act):
            # The open connection leads to a machine that is no more.
            remote.disconnect(hit.machine)
        self._record(hit, "acted", "; ".join(map(str, hit.plan.act)))

    def _bite(self, hit: Hit) -> tuple[str, Proof]:
        proof = seen(self.lab, hit.plan.bites, deadline_s(hit.plan.bites_s))
        fault, target = hit.hurt.fault, hit.hurt.target
        if proof.so:
            self._say(f"{target}: {fault} bites: {proof.evidence}")
        else:
            self._say(f"{target}: {fault} acted, but no effect was seen: {proof.evidence}")
        phase = "bitten" if proof.so else "unbitten"
        self._record(hit, phase, "; ".join(map(str, hit.plan.bites)), proof.evidence)
        return target, proof

    def _undo(self, hit: Hit) -> str:
        """Undo one, and return what is left of it."""
        proof = undo(self.lab, hit.hurt, deadline_s(hit.plan.gone_s))
        if not proof.so:
            return f"{hit.hurt} is not undone: {proof.evidence}"
        self._undone.add(hit.hurt.id)
        self._record(hit, "undone", "; ".join(map(str, hit.plan.undo)), proof.evidence)
        return ""

    def _record(self, hit: Hit, phase: str, command: str, evidence: str = "") -> None:
        record(self._put, hit.hurt, phase, command, evidence)


def strike(
    lab: Topology,
    name: str,
    targets: Sequence[Machine],
    options: Mapping[str, str],
    *,
    for_s: float | None,
    seed: int,
    say: Say,
    put: Put,
) -> Strike:
    """Hit `targets` with the fault `name`, all at once, and return what was done.

    for_s: when it is to be undone: by the caller, who calls `undo`, or by the machines themselves
    a little later; None: at `lab heal`, or by the machines after DEAD_MAN_S. A momentary fault is
    over when this returns. seed: for the ledger. Raises LabError before anything is touched where
    the lab is down, or a machine lacks what the fault needs. What is interrupted is undone.
    """
    fault = find(name)
    check_up(lab, fault, targets)
    plans = planned(lab, fault, targets, options)
    check_free(lab, fault, targets)
    with waiting.at_once(len(targets)) as pool:
        _all(pool, lambda plan: check_needs(lab, fault, plan), list(plans.values()))
    struck = Strike(lab, [], say, put)
    try:
        for target in targets:
            hit = _intend(fault, target, plans[target.name], options, for_s, seed)
            struck.hits = (*struck.hits, hit)
            record(put, hit.hurt, "intended", "; ".join(map(str, hit.plan.act)), "")
        struck.act()
    except BaseException as error:
        try:
            struck.undo()
        except LabError as left:
            raise left from error
        say(f"{fault.name} is undone: it was cut short")
        raise
    if fault.momentary:
        struck.undo()
    return struck


def undo(lab: Topology, hurt: Hurt, limit_s: float) -> Proof:
    """Undo `hurt`, and return whether it is gone. If so, the ledger forgets it.

    What the ledger has forgotten is left alone: the same fault may have begun again since then.
    """
    if not ledger.has(hurt.id):
        return Proof(True, "it was undone already")
    proof = Proof(False, "")
    # Twice: a machine that was still shutting down could not be booted.
    for _ in range(2):
        attempt(lab, hurt.undo)
        proof = seen(lab, hurt.gone, limit_s)
        if proof.so:
            break
    if proof.so:
        ledger.remove(hurt.id)
    return proof


def record(put: Put, hurt: Hurt, phase: str, command: str, evidence: str) -> None:
    """Put one record of the fault `hurt` into the history."""
    put(
        "fault",
        id=hurt.id,
        fault=hurt.fault,
        target=hurt.target,
        phase=phase,
        command=command,
        evidence=evidence,
    )


def _intend(
    fault: Fault,
    target: Machine,
    plan: Plan,
    options: Mapping[str, str],
    for_s: float | None,
    seed: int,
) -> Hit:
    """Write into the ledger what is about to happen to `target`."""
    hurt_id = ledger.new_id()
    disarm = Command(target.name, ("systemctl", "stop", f"{UNDO_UNIT}{hurt_id}.timer"))
    armed = fault.alone and not fault.momentary
    undoing = (*plan.undo, disarm) if armed else plan.undo
    hurt = Hurt(
        hurt_id,
        fault.name,
        target.name,
        dict(options),
        seed,
        undoing,
        plan.gone,
        ledger.now(),
        None if for_s is None else time.time() + for_s,
    )
    ledger.write(hurt)
    return Hit(hurt, plan, target)


def _all(pool: ThreadPoolExecutor, action: Callable[..., T], items: Sequence[object]) -> list[T]:
    """Return what `action` returns of each of `items`; all end before an error is raised."""
    futures = [pool.submit(action, item) for item in items]
    return [future.result() for future in futures]
