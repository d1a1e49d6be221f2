"""What one pass of an agent that has nothing to do costs its node, as systemd accounts it."""

import time

from lab.demo.stage import Stage
from lab.speed import deadline_s
from lab.waiting import until
from provisioning.topology import Machine

AGENT = "pull-agent.service"
_PROPERTIES = "InvocationID,ActiveState,CPUUsageNSec"


def idle_ms(stage: Stage, node: Machine, runs: int) -> list[float]:
    """Return the CPU milliseconds of `runs` different passes of the agent on `node`.

    systemd counts from zero at each start of a unit, and keeps the sum when the pass has ended.
    """
    found: dict[str, float] = {}
    limit_s = deadline_s(runs * (stage.profile.agent_s + 2))

    def enough() -> bool:
        shown = stage.command(node, "systemctl", "show", f"--property={_PROPERTIES}", AGENT)
        found.update(finished(shown))
        return len(found) >= runs

    # Let the passes that started containers go by.
    time.sleep(2 * stage.profile.agent_s)
    until(enough, f"{runs} passes of {AGENT} on {node.name}", timeout_s=limit_s, every_s=0.3)
    return list(found.values())[:runs]


def finished(shown: str) -> dict[str, float]:
    """Return invocation -> milliseconds of the pass that `systemctl show` tells of, if it ended."""
    fields = dict(line.partition("=")[::2] for line in shown.splitlines())
    spent = fields.get("CPUUsageNSec", "")
    if fields.get("ActiveState") != "inactive" or not spent.isdecimal() or int(spent) >= 2**63:
        return {}
    return {fields.get("InvocationID", ""): int(spent) / 1e6}
