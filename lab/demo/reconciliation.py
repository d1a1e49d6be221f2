"""First demonstration: a container that nobody asked for appears on a node. Who corrects it?"""

import time
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from lab.demo import timing
from lab.demo.judge import Drift, judge_drift
from lab.demo.stage import Stage
from lab.demo.verdict import Outcome, logged
from lab.demo.watch import Samples, first, last_s
from lab.faults import chaos
from lab.machines.units import FAKE, container_unit
from provisioning.topology import Machine
from services.core.errors import NodeUnreachable

_THERE = ("active", "activating", "deactivating")


class Sight(NamedTuple):
    """One look for the stray. stopped: an agent has logged that it stopped it."""

    listed: bool
    stopped: bool


def play(stage: Stage) -> list[Outcome]:
    """Corrupt one node in all modes at once, watch them all, and judge each."""
    node = stage.lab.nodes[0]
    cursor = stage.cursor(node)
    stage.say(f"fault: {FAKE!r} is started on {node.name} by hand")
    began_s = time.monotonic()
    chaos.corrupt(node, FAKE, stage.modes)
    samples, watched_s = stage.watch(
        _looks(stage, node, cursor),
        corrected,
        expected_s=timing.drift_s(stage.profile),
        began_s=began_s,
    )
    log = {"pull": stage.log(node, cursor)}
    return [
        judge_drift(
            mode,
            Drift(node.name, FAKE, *times(seen), last_s(seen), watched_s, log.get(mode, ())),
        )
        for mode, seen in samples.items()
    ]


def corrected(sight: Sight) -> bool:
    """Whether the stray is gone because an agent stopped it."""
    return sight.stopped and not sight.listed


def times(samples: Samples[Sight]) -> tuple[float | None, float | None]:
    """Return when the stray was first seen, and when it was first gone after that (None: never).

    An agent's word that it stopped it counts as having been seen: it may be quicker than we are.
    """
    seen_s = first(samples, lambda sight: sight.listed)
    for at_s, sight in samples:
        if corrected(sight) or (seen_s is not None and at_s > seen_s and not sight.listed):
            return seen_s, at_s
    return seen_s, None


def _looks(stage: Stage, node: Machine, cursor: str) -> dict[str, Callable[[], Sight]]:
    looks = {"push": partial(_push, stage, node), "pull": partial(_pull, stage, node, cursor)}
    return {mode: looks[mode] for mode in stage.modes}


def _push(stage: Stage, node: Machine) -> Sight:
    """As a user sees it: in GET /containers. A node that was not reached says nothing."""
    listed, unreachable = stage.push.running()
    if node.name in unreachable:
        raise NodeUnreachable(node.name, 0, "push lists it as unreachable")
    there = any((c.name, c.node) == (FAKE, node.name) for c in listed)
    return Sight(there, stopped=False)


def _pull(stage: Stage, node: Machine, cursor: str) -> Sight:
    """On the node itself: pull's API lists what is wanted, and nobody wants it."""
    unit = container_unit("pull", FAKE)
    if any(u.name == unit and u.active in _THERE for u in stage.seen([node])[node.name]):
        return Sight(listed=True, stopped=False)
    return Sight(listed=False, stopped=logged(stage.log(node, cursor), f"STOP {FAKE}"))
