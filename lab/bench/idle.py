"""What an agent that has nothing to do costs its node, as systemd accounts it.

A pass of `seed` looks once and ends, one of `fast` watches for ten seconds: only CPU time per
minute can be compared.
"""

from itertools import pairwise
from typing import NamedTuple

from lab.bench.playground import Playground
from lab.host.speed import deadline_s
from lab.machines.units import properties
from lab.waiting import until
from provisioning.topology import Machine

AGENT = "pull-agent.service"
_PROPERTIES = "InvocationID,CPUUsageNSec,InactiveExitTimestampMonotonic"
_EVERY_S = 0.3
# What systemd shows for a counter without a value.
_UNSET = 2**63


class Pass(NamedTuple):
    """One pass. began_s: on its node's clock. spent_s: CPU time, as far as it has come."""

    began_s: float
    spent_s: float


def cpu_s_per_minute(playground: Playground, node: Machine, runs: int) -> list[float]:
    """Return the CPU seconds per minute of `runs` passes of the agent on `node`.

    Each from its start to the start of the next, sleep between them included. Of a pass that
    ends between two looks, what it spent after the first is missing: at most 0.3 s and a look of
    an idle watch.
    """
    found: dict[str, Pass] = {}
    cycle_s = playground.profile.agent_s + playground.profile.watch_s + 2

    def enough() -> bool:
        shown = playground.command(node, "systemctl", "show", f"--property={_PROPERTIES}", AGENT)
        found.update(progress(shown))
        # The first one is seen in the middle, and may have had containers to start.
        return len(found) > runs + 1

    limit_s = deadline_s((runs + 2) * cycle_s)
    what = f"{runs + 2} passes of {AGENT} on {node.name}"
    until(enough, what, timeout_s=limit_s, every_s=_EVERY_S)
    return rates(list(found.values())[1:])[:runs]


def progress(shown: str) -> dict[str, Pass]:
    """Return invocation -> the pass that `systemctl show` shows, if it has been accounted."""
    (fields,) = properties(shown)
    spent, began = (fields.get(key, "") for key in _PROPERTIES.split(",")[1:])
    if not (spent.isdecimal() and began.isdecimal()) or int(spent) >= _UNSET:
        return {}
    return {fields.get("InvocationID", ""): Pass(int(began) / 1e6, int(spent) / 1e9)}


def rates(passes: list[Pass]) -> list[float]:
    """Return the CPU seconds per minute of each pass that was followed by another."""
    return [60 * one.spent_s / (other.began_s - one.began_s) for one, other in pairwise(passes)]
