"""Third demonstration: the plug of a node is pulled. Who starts its containers elsewhere?"""

import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import NamedTuple

from lab.demo.judge import Loss, judge_loss
from lab.demo.observe import first
from lab.demo.playground import NAMES, Playground, Where, busiest, victims
from lab.demo.verdict import Outcome
from lab.experiment import timing
from lab.machines import vagrant
from provisioning.topology import Machine
from services.core.errors import LabError
from services.core.model import Health


class Healing(NamedTuple):
    """noticed: the API says that the node is gone. elsewhere: all victims run on others."""

    noticed: bool
    elsewhere: bool


def play(playground: Playground) -> list[Outcome]:
    """Cut one node off for all modes at once, observe them all, boot it again, and judge each."""
    before = playground.where()
    node = busiest(before, playground.lab.nodes)
    lost = victims(before, node.name)
    playground.say(f"fault: the plug of {node.name} is pulled")
    began_s = time.monotonic()
    vagrant.cut(node.name)
    samples, observed_s = playground.observe(
        _looks(playground, node, lost),
        healed,
        expected_s=timing.healing_s(playground.profile),
        began_s=began_s,
    )
    after = playground.where(playground.others(node))
    losses = {
        mode: Loss(
            node=node.name,
            victims=lost[mode],
            noticed_s=first(samples[mode], lambda seen: seen.noticed),
            elsewhere_s=first(samples[mode], healed),
            missing=tuple(name for name in lost[mode] if name not in after[mode]),
            observed_s=observed_s,
        )
        for mode in playground.modes
    }
    back, unseen = _return(playground, node)
    return [judge_loss(mode, _with_return(mode, saw, back, unseen)) for mode, saw in losses.items()]


def _with_return(mode: str, saw: Loss, back: list[dict[str, Where]], unseen: str) -> Loss:
    return saw._replace(
        returned=victims(back[-1], saw.node)[mode] if back else (),
        doubled=doubled([look[mode] for look in back]),
        unseen=unseen,
    )


def healed(seen: Healing) -> bool:
    """Whether all that was lost runs elsewhere."""
    return seen.elsewhere


def doubled(samples: list[Where]) -> tuple[str, ...]:
    """Return which of our containers ran on two nodes at once in any of `samples`."""
    return tuple(name for name in NAMES if any(len(seen.get(name, ())) > 1 for seen in samples))


def _return(playground: Playground, node: Machine) -> tuple[list[dict[str, Where]], str]:
    """Boot `node` again; return where all containers ran, look by look, until nothing moves.

    And the error that ended the looks early, or "": what was seen until then still counts.
    """
    playground.say(f"{node.name} boots again")
    looks: list[dict[str, Where]] = []
    try:
        vagrant.start(node.name)
        _observe_return(playground, looks)
    except LabError as error:
        return looks, str(error)
    return looks, ""


def _observe_return(playground: Playground, looks: list[dict[str, Where]]) -> None:
    """Look until all agents have reported, and have had time for another pass."""
    looks.append(playground.where())
    if "pull" in playground.modes:
        playground.await_nodes(during=lambda: looks.append(playground.where()))
    settled_s = time.monotonic() + timing.drift_s(playground.profile)
    while time.monotonic() < settled_s:
        looks.append(playground.where())


def _looks(
    playground: Playground, node: Machine, lost: Mapping[str, tuple[str, ...]]
) -> dict[str, Callable[[], Healing]]:
    looks = {"push": _push, "pull": _pull}
    return {mode: partial(looks[mode], playground, node, lost[mode]) for mode in playground.modes}


def _push(playground: Playground, node: Machine, lost: tuple[str, ...]) -> Healing:
    listed = playground.push.running()
    elsewhere = {placed.name for placed in listed.containers if placed.node != node.name}
    return Healing(node.name in listed.unreachable, set(lost) <= elsewhere)


def _pull(playground: Playground, node: Machine, lost: tuple[str, ...]) -> Healing:
    declared = playground.pull.declared()
    elsewhere = {placed.name for placed in declared.containers if placed.node != node.name}
    down = [other.name for other in playground.pull.nodes().nodes if other.health is Health.DOWN]
    return Healing(node.name in down, set(lost) <= elsewhere & declared.running)
