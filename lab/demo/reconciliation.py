"""First demonstration: a container that was never asked for appears on a node."""

import time
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from lab.demo import timing
from lab.demo.judge import Drift, judge_drift
from lab.demo.observe import Samples, first, last_s
from lab.demo.playground import Playground
from lab.demo.verdict import Outcome, logged
from lab.faults import chaos
from lab.machines.units import FAKE, container_unit
from provisioning.topology import Machine
from services.core.errors import NodeUnreachable

_THERE = ("active", "activating", "deactivating")


class Correction(NamedTuple):
    """One look for the stray. stopped: an agent has logged that it stopped it."""

    listed: bool
    stopped: bool


def play(playground: Playground) -> list[Outcome]:
    """Corrupt one node in all modes at once, observe them all, and judge each."""
    node = playground.lab.nodes[0]
    cursor = playground.cursor(node)
    playground.say(f"fault: {FAKE!r} is started on {node.name} by hand")
    began_s = time.monotonic()
    chaos.corrupt(playground.lab, node, FAKE, playground.modes)
    samples, observed_s = playground.observe(
        _looks(playground, node, cursor),
        corrected,
        expected_s=timing.drift_s(playground.profile),
        began_s=began_s,
    )
    log = {"pull": playground.log(node, cursor)}
    return [
        judge_drift(
            mode,
            Drift(node.name, FAKE, *times(seen), last_s(seen), observed_s, log.get(mode, ())),
        )
        for mode, seen in samples.items()
    ]


def corrected(seen: Correction) -> bool:
    """Whether the stray is gone because an agent stopped it."""
    return seen.stopped and not seen.listed


def times(samples: Samples[Correction]) -> tuple[float | None, float | None]:
    """Return when the stray was first seen, and when it was first gone after that (None: never).

    An agent's word that it stopped it counts as having been seen: it may be quicker than we are.
    """
    seen_s = first(samples, lambda seen: seen.listed)
    for at_s, seen in samples:
        if corrected(seen) or (seen_s is not None and at_s > seen_s and not seen.listed):
            return seen_s, at_s
    return seen_s, None


def _looks(
    playground: Playground, node: Machine, cursor: str
) -> dict[str, Callable[[], Correction]]:
    looks = {
        "push": partial(_push, playground, node),
        "pull": partial(_pull, playground, node, cursor),
    }
    return {mode: looks[mode] for mode in playground.modes}


def _push(playground: Playground, node: Machine) -> Correction:
    """As a user sees it: in GET /containers. A node that was not reached says nothing."""
    listed, unreachable = playground.push.running()
    if node.name in unreachable:
        raise NodeUnreachable(node.name, 0, "push lists it as unreachable")
    there = any((c.name, c.node) == (FAKE, node.name) for c in listed)
    return Correction(there, stopped=False)


def _pull(playground: Playground, node: Machine, cursor: str) -> Correction:
    """On the node itself: pull's API lists only what is wanted."""
    unit = container_unit("pull", FAKE)
    if any(u.name == unit and u.active in _THERE for u in playground.seen([node])[node.name]):
        return Correction(listed=True, stopped=False)
    return Correction(listed=False, stopped=logged(playground.log(node, cursor), f"STOP {FAKE}"))
