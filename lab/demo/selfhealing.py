"""Third demonstration: the plug of a node is pulled. Who starts its containers elsewhere?"""

import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import NamedTuple

from lab.demo import timing
from lab.demo.judge import Loss, judge_loss
from lab.demo.stage import NAMES, Stage, Where, busiest, victims
from lab.demo.verdict import Outcome
from lab.demo.watch import first
from lab.machines import vagrant
from provisioning.topology import Machine
from services.core.errors import LabError
from services.core.model import Health


class Sight(NamedTuple):
    """noticed: the API says that the node is gone. elsewhere: all victims run on others."""

    noticed: bool
    elsewhere: bool


def play(stage: Stage) -> list[Outcome]:
    """Cut one node off for all modes at once, watch them all, bring it back, and judge each."""
    before = stage.where()
    node = busiest(before, stage.lab.nodes)
    lost = victims(before, node.name)
    stage.say(f"fault: the plug of {node.name} is pulled")
    began_s = time.monotonic()
    vagrant.cut(node.name)
    samples, watched_s = stage.watch(
        _looks(stage, node, lost),
        healed,
        expected_s=timing.healing_s(stage.profile),
        began_s=began_s,
    )
    after = stage.where(stage.others(node))
    losses = {
        mode: Loss(
            node=node.name,
            victims=lost[mode],
            noticed_s=first(samples[mode], lambda sight: sight.noticed),
            elsewhere_s=first(samples[mode], healed),
            missing=tuple(name for name in lost[mode] if name not in after[mode]),
            watched_s=watched_s,
        )
        for mode in stage.modes
    }
    back, unseen = _return(stage, node)
    return [judge_loss(mode, _with_return(mode, saw, back, unseen)) for mode, saw in losses.items()]


def _with_return(mode: str, saw: Loss, back: list[dict[str, Where]], unseen: str) -> Loss:
    return saw._replace(
        returned=victims(back[-1], saw.node)[mode] if back else (),
        doubled=doubled([look[mode] for look in back]),
        unseen=unseen,
    )


def healed(sight: Sight) -> bool:
    """Whether all that was lost runs elsewhere."""
    return sight.elsewhere


def doubled(samples: list[Where]) -> tuple[str, ...]:
    """Return which of our containers ran on two nodes at once in any of `samples`."""
    return tuple(name for name in NAMES if any(len(seen.get(name, ())) > 1 for seen in samples))


def _return(stage: Stage, node: Machine) -> tuple[list[dict[str, Where]], str]:
    """Boot `node` again; return where all containers ran, look by look, until it is settled.

    And the error that ended the looks early, or "": what was seen until then still counts.
    """
    stage.say(f"{node.name} boots again")
    looks: list[dict[str, Where]] = []
    try:
        vagrant.start(node.name)
        _watch_return(stage, looks)
    except LabError as error:
        return looks, str(error)
    return looks, ""


def _watch_return(stage: Stage, looks: list[dict[str, Where]]) -> None:
    """Look until all agents have reported, and have had time for another pass."""
    looks.append(stage.where())
    if "pull" in stage.modes:
        stage.await_nodes(during=lambda: looks.append(stage.where()))
    settled_s = time.monotonic() + timing.drift_s(stage.profile)
    while time.monotonic() < settled_s:
        looks.append(stage.where())


def _looks(
    stage: Stage, node: Machine, lost: Mapping[str, tuple[str, ...]]
) -> dict[str, Callable[[], Sight]]:
    looks = {"push": _push, "pull": _pull}
    return {mode: partial(looks[mode], stage, node, lost[mode]) for mode in stage.modes}


def _push(stage: Stage, node: Machine, lost: tuple[str, ...]) -> Sight:
    listed = stage.push.running()
    elsewhere = {placed.name for placed in listed.containers if placed.node != node.name}
    return Sight(node.name in listed.unreachable, set(lost) <= elsewhere)


def _pull(stage: Stage, node: Machine, lost: tuple[str, ...]) -> Sight:
    declared = stage.pull.declared()
    elsewhere = {placed.name for placed in declared.containers if placed.node != node.name}
    down = [other.name for other in stage.pull.nodes().nodes if other.health is Health.DOWN]
    return Sight(node.name in down, set(lost) <= elsewhere & declared.running)
