"""Whether the lab's APIs answer from this machine, and know their nodes."""

from collections.abc import Collection, Sequence
from functools import partial

from lab import waiting
from lab.host.speed import deadline_s
from lab.planes.client import connect
from lab.waiting import TookTooLong
from provisioning.topology import Topology
from services.core.errors import ApiRefused, ApiUnreachable
from services.core.model import Health

_ANSWER_S = 20
# A look at an API that does not listen yet ends at once.
_EVERY_S = 0.05


def answers(topology: Topology, mode: str, nodes: Collection[str]) -> bool:
    """Return whether the API of `mode` answers and has heard from every one of `nodes`."""
    push, pull = connect(topology)
    try:
        if mode == "push":
            return not {*push.running().unreachable} & {*nodes}
        return {n.name for n in pull.nodes().nodes if n.health is not Health.DOWN} >= {*nodes}
    except (ApiUnreachable, ApiRefused):
        return False


def come(topology: Topology, modes: Sequence[str], nodes: Collection[str], within_s: float) -> bool:
    """Return whether the APIs of all `modes` answer and know `nodes` within that time."""
    try:
        await_answers(topology, modes, nodes, within_s)
    except TookTooLong:
        return False
    return True


def await_answers(
    topology: Topology, modes: Sequence[str], nodes: Collection[str], within_s: float = 0.0
) -> None:
    """Return once the APIs of all `modes` answer and know `nodes`; raises TookTooLong.

    within_s: 0 stands for what it takes at worst.
    """

    def one(mode: str) -> None:
        waiting.until(
            partial(answers, topology, mode, nodes),
            f"the {mode} API answers and knows its nodes",
            timeout_s=within_s or deadline_s(_ANSWER_S),
            hint=f"lab logs {topology.api.name} --unit {mode}-api",
            every_s=_EVERY_S,
        )

    with waiting.at_once(len(modes)) as pool:
        list(pool.map(one, modes))
