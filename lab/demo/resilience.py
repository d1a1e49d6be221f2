"""Second demonstration: the API stops, and meanwhile a container dies. Who goes on working?"""

import time
from collections.abc import Callable, Mapping
from functools import partial

from lab import chaos
from lab.demo import timing
from lab.demo.stage import LATE, NAMES, Stage, busiest, victims
from lab.demo.verdict import Outage, Outcome, judge_outage
from lab.demo.watch import first
from lab.units import container_unit
from provisioning.topology import Machine
from services.core.errors import ApiRefused, ApiUnreachable
from services.core.model import Container

# mode -> the unit that is killed, and the invocation in which it ran before
Killed = dict[str, tuple[str, str]]


def play(stage: Stage) -> list[Outcome]:
    """Stop the API of all modes at once, kill a container of each, watch, restore, and judge."""
    before = stage.where()
    wanted = _wanted(stage)
    node = busiest(before, stage.lab.nodes)
    killed = {mode: names[0] for mode, names in victims(before, node.name).items()}
    cursor = stage.cursor(node)

    stage.say(f"fault: the API of {' and '.join(stage.modes)} stops")
    chaos.stop_api(stage.lab, stage.modes)
    answered = {mode: _answers(stage, mode) for mode in stage.modes}
    restarted, watched_s = _kill_and_watch(stage, node, killed)
    after = stage.where()
    log = stage.log(node, cursor)

    stage.say("the API comes back")
    chaos.start_api(stage.lab, stage.modes)
    changed = _wanted(stage) != wanted
    late_s = _late(stage)
    return [
        judge_outage(
            mode,
            Outage(
                answered=answered[mode],
                survivors=tuple(sorted(set(NAMES) & set(after[mode]))),
                lost=tuple(sorted(set(NAMES) & set(before[mode]) - set(after[mode]) - {dead})),
                killed=dead,
                restarted_s=restarted[mode],
                watched_s=watched_s,
                log=log if mode == "pull" else (),
                changed=changed,
                late_s=late_s,
            ),
        )
        for mode, dead in killed.items()
    ]


def _kill_and_watch(
    stage: Stage, node: Machine, killed: Mapping[str, str]
) -> tuple[dict[str, float | None], float]:
    """Return when each of `killed` ran again (None: never), and how long they were watched."""
    units = {mode: container_unit(mode, name) for mode, name in killed.items()}
    before = {mode: (unit, _run_of(stage, node, unit)) for mode, unit in units.items()}
    stage.say(f"meanwhile {' and '.join(units.values())} are killed on {node.name}")
    began_s = time.monotonic()
    stage.command(node, "systemctl", "kill", "--signal=KILL", *units.values())
    looks: dict[str, Callable[[], bool]] = {
        mode: partial(_runs_anew, stage, node, *was) for mode, was in before.items()
    }
    samples, watched_s = stage.watch(
        looks, bool, expected_s=timing.outage_s(stage.profile), began_s=began_s
    )
    return {mode: first(seen, bool) for mode, seen in samples.items()}, watched_s


def _runs_anew(stage: Stage, node: Machine, unit: str, before: str) -> bool:
    return _run_of(stage, node, unit) not in ("", before)


def _run_of(stage: Stage, node: Machine, unit: str) -> str:
    """Return the id of the invocation in which `unit` serves now; empty if it does not."""
    shown = stage.command(node, "systemctl", "show", "--property=ActiveState,InvocationID", unit)
    fields = dict(line.partition("=")[::2] for line in shown.splitlines())
    return fields.get("InvocationID", "") if fields.get("ActiveState") == "active" else ""


def _answers(stage: Stage, mode: str) -> tuple[str, ...]:
    """Return what of listing and starting works all the same."""
    attempts: dict[str, Callable[[], object]] = {
        "a list": stage.push.running if mode == "push" else stage.pull.declared,
        "a start": partial(stage.declare, mode, LATE),
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


def _late(stage: Stage) -> float | None:
    """Return how long pull takes to run a container declared after the outage."""
    if "pull" not in stage.modes:
        return None
    began_s = time.monotonic()
    stage.declare("pull", LATE)
    stage.await_pull(LATE)
    return time.monotonic() - began_s
