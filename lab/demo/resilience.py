"""Second demonstration: the API stops, and meanwhile a container dies. Who goes on working?"""

import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import NamedTuple

from lab.demo import timing
from lab.demo.judge import Outage, judge_outage
from lab.demo.stage import LATE, NAMES, Stage, Where, busiest, victims
from lab.demo.verdict import Outcome
from lab.demo.watch import Samples, first
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


def play(stage: Stage) -> list[Outcome]:
    """Stop the API of all modes at once, kill a container of each, watch, restore, and judge."""
    before = stage.where()
    wanted = _wanted(stage)
    seen = _outage(stage, before, busiest(before, stage.lab.nodes))
    back = _return(stage, wanted)._asdict()
    return [judge_outage(mode, saw._replace(**back)) for mode, saw in seen.items()]


def _outage(stage: Stage, before: Mapping[str, Where], node: Machine) -> dict[str, Outage]:
    """Return what each mode did from the stop of its API on; the API stays stopped."""
    killed = {mode: names[0] for mode, names in victims(before, node.name).items()}
    cursor = stage.cursor(node)
    stage.say(f"fault: the API of {' and '.join(stage.modes)} stops")
    chaos.stop_api(stage.lab, stage.modes)
    answered = {mode: _answers(stage, mode) for mode in stage.modes}
    fates, watched_s = _kill_and_watch(stage, node, killed)
    after = stage.where()
    log = stage.log(node, cursor)
    return {
        mode: Outage(
            answered=answered[mode],
            survivors=tuple(sorted(set(NAMES) & set(after[mode]))),
            lost=tuple(sorted(set(NAMES) & set(before[mode]) - set(after[mode]) - {dead})),
            killed=dead,
            dead_s=fates[mode].dead_s,
            restarted_s=fates[mode].restarted_s,
            watched_s=watched_s,
            log=log if mode == "pull" else (),
        )
        for mode, dead in killed.items()
    }


def _kill_and_watch(
    stage: Stage, node: Machine, killed: Mapping[str, str]
) -> tuple[dict[str, Fate], float]:
    """Return what became of each of `killed`, and how long they were watched."""
    units = {mode: container_unit(mode, name) for mode, name in killed.items()}
    before = {mode: _run_of(stage, node, unit) for mode, unit in units.items()}
    stage.say(f"meanwhile {' and '.join(units.values())} are killed on {node.name}")
    began_s = time.monotonic()
    stage.command(node, "systemctl", "kill", "--signal=KILL", *units.values())
    samples, watched_s = stage.watch(
        {mode: partial(_run_of, stage, node, unit) for mode, unit in units.items()},
        lambda run: run not in ("", before.get("pull")),
        expected_s=timing.outage_s(stage.profile),
        began_s=began_s,
    )
    return {mode: fate(seen, before[mode]) for mode, seen in samples.items()}, watched_s


def fate(samples: Samples[str], before: str) -> Fate:
    """Return what `samples` say of a container that ran as `before` when it was killed.

    Each is the run in which it serves, or empty while it does not.
    """
    return Fate(
        dead_s=first(samples, lambda run: not run),
        restarted_s=first(samples, lambda run: run not in ("", before)),
    )


def _run_of(stage: Stage, node: Machine, unit: str) -> str:
    """Return the id of the invocation in which `unit` serves now; empty if it does not."""
    shown = stage.command(node, "systemctl", "show", "--property=ActiveState,InvocationID", unit)
    (fields,) = properties(shown)
    return fields.get("InvocationID", "") if fields.get("ActiveState") == "active" else ""


def _answers(stage: Stage, mode: str) -> tuple[str, ...]:
    """Return what of listing, starting and stopping works all the same."""
    attempts: dict[str, Callable[[], object]] = {
        "a list": stage.push.running if mode == "push" else stage.pull.declared,
        "a start": partial(stage.declare, mode, LATE),
        "a stop": partial(stage.withdraw, mode, LATE),
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


def _wanted(stage: Stage) -> tuple[Container, ...]:
    """What users declared; where it was put is the scheduler's business, and may change."""
    if "pull" not in stage.modes:
        return ()
    return tuple(placed.container for placed in stage.pull.declared().containers)


def _return(stage: Stage, wanted: tuple[Container, ...]) -> Return:
    """Start the APIs, and see what becomes of `wanted` and of a container declared then.

    An error ends it, and takes nothing away from what was seen during the outage.
    """
    stage.say("the API comes back")
    try:
        chaos.start_api(stage.lab, stage.modes)
        if "pull" not in stage.modes:
            return Return()
        return Return(_wanted(stage) != wanted, _late_s(stage))
    except LabError as error:
        return Return(unseen=str(error))


def _late_s(stage: Stage) -> float | None:
    """Return how long pull takes to run a container declared after the outage; None: for ever."""
    began_s = time.monotonic()
    stage.declare("pull", LATE)
    try:
        stage.await_pull(LATE)
    except TookTooLong:
        return None
    return time.monotonic() - began_s
