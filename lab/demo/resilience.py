"""Second demonstration: the API stops, and meanwhile a container dies."""

import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import NamedTuple

from lab.demo.judge import Outage, judge_outage
from lab.demo.observe import Samples, first
from lab.demo.playground import LATE, NAMES, Playground, Where, busiest, victims
from lab.demo.verdict import Outcome
from lab.experiment import timing
from lab.faults import chaos
from lab.machines.units import container_unit, properties
from lab.waiting import TookTooLong
from provisioning.topology import Machine
from services.core.errors import ApiRefused, ApiUnreachable, LabError
from services.core.model import Container


class Fate(NamedTuple):
    """What became of a killed container. dead_s, restarted_s: when it was first seen so."""

    dead_s: float | None
    restarted_s: float | None


class Return(NamedTuple):
    """What pull did when its API came back, in the words of Outage."""

    changed: bool = False
    late_s: float | None = None
    unseen: str = ""


def play(playground: Playground) -> list[Outcome]:
    """Stop the API of all modes at once, kill a container of each, observe, restore, and judge."""
    before = playground.where()
    wanted = _wanted(playground)
    seen = _outage(playground, before, busiest(before, playground.lab.nodes))
    back = _return(playground, wanted)._asdict()
    return [judge_outage(mode, saw._replace(**back)) for mode, saw in seen.items()]


def _outage(
    playground: Playground, before: Mapping[str, Where], node: Machine
) -> dict[str, Outage]:
    """Return what each mode did from the stop of its API on; the API stays stopped."""
    killed = {mode: names[0] for mode, names in victims(before, node.name).items()}
    cursor = playground.cursor(node)
    playground.say(f"fault: the API of {' and '.join(playground.modes)} stops")
    chaos.stop_api(playground.lab, playground.modes)
    answered = {mode: _answers(playground, mode) for mode in playground.modes}
    fates, observed_s = _kill_and_observe(playground, node, killed)
    after = playground.where()
    log = playground.log(node, cursor)
    return {
        mode: Outage(
            answered=answered[mode],
            survivors=tuple(sorted(set(NAMES) & set(after[mode]))),
            lost=tuple(sorted(set(NAMES) & set(before[mode]) - set(after[mode]) - {dead})),
            killed=dead,
            dead_s=fates[mode].dead_s,
            restarted_s=fates[mode].restarted_s,
            observed_s=observed_s,
            log=log if mode == "pull" else (),
        )
        for mode, dead in killed.items()
    }


def _kill_and_observe(
    playground: Playground, node: Machine, killed: Mapping[str, str]
) -> tuple[dict[str, Fate], float]:
    """Return what became of each of `killed`, and how long they were observed."""
    units = {mode: container_unit(mode, name) for mode, name in killed.items()}
    before = {mode: _run_of(playground, node, unit) for mode, unit in units.items()}
    playground.say(f"meanwhile {' and '.join(units.values())} are killed on {node.name}")
    began_s = time.monotonic()
    playground.command(node, "systemctl", "kill", "--signal=KILL", *units.values())
    samples, observed_s = playground.observe(
        {mode: partial(_run_of, playground, node, unit) for mode, unit in units.items()},
        lambda run: run not in ("", before.get("pull")),
        expected_s=timing.outage_s(playground.profile),
        began_s=began_s,
    )
    return {mode: fate(seen, before[mode]) for mode, seen in samples.items()}, observed_s


def fate(samples: Samples[str], before: str) -> Fate:
    """Return what `samples` say of a container that ran as `before` when it was killed.

    Each is the run in which it serves, or empty while it does not.
    """
    return Fate(
        dead_s=first(samples, lambda run: not run),
        restarted_s=first(samples, lambda run: run not in ("", before)),
    )


def _run_of(playground: Playground, node: Machine, unit: str) -> str:
    """Return the id of the invocation in which `unit` serves now; empty if it does not."""
    shown = playground.command(
        node, "systemctl", "show", "--property=ActiveState,InvocationID", unit
    )
    (fields,) = properties(shown)
    return fields.get("InvocationID", "") if fields.get("ActiveState") == "active" else ""


def _answers(playground: Playground, mode: str) -> tuple[str, ...]:
    """Return what of listing, starting and stopping works all the same."""
    attempts: dict[str, Callable[[], object]] = {
        "a list": playground.push.running if mode == "push" else playground.pull.declared,
        "a start": partial(playground.declare, mode, LATE),
        "a stop": partial(playground.withdraw, mode, LATE),
    }
    return tuple(what for what, attempt in attempts.items() if _works(attempt))


def _works(attempt: Callable[[], object]) -> bool:
    try:
        attempt()
    except ApiUnreachable:
        return False
    except ApiRefused:
        return True
    return True


def _wanted(playground: Playground) -> tuple[Container, ...]:
    """What users declared; where it was put is the scheduler's business, and may change."""
    if "pull" not in playground.modes:
        return ()
    return tuple(placed.container for placed in playground.pull.declared().containers)


def _return(playground: Playground, wanted: tuple[Container, ...]) -> Return:
    """Start the APIs, and see what becomes of `wanted` and of a container declared then.

    An error ends it, and takes nothing away from what was seen during the outage.
    """
    playground.say("the API comes back")
    try:
        chaos.start_api(playground.lab, playground.modes)
        if "pull" not in playground.modes:
            return Return()
        return Return(_wanted(playground) != wanted, _late_s(playground))
    except LabError as error:
        return Return(unseen=str(error))


def _late_s(playground: Playground) -> float | None:
    """Return how long pull takes to run a container declared after the outage; None: never."""
    began_s = time.monotonic()
    playground.declare("pull", LATE)
    try:
        playground.await_pull(LATE)
    except TookTooLong:
        return None
    return time.monotonic() - began_s
