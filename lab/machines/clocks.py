"""How far the machines' clocks are from this computer's."""

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

from lab.machines import remote
from provisioning.topology import Machine
from services.core.errors import LabError

ASK = ("date", "+%s.%N")
# Less is no fault: chrony corrects it, and whatever decides counts on monotonic clocks.
LIMIT_S = 0.5


def wrong(machines: Sequence[Machine], *, timeout_s: float) -> dict[str, float]:
    """Return machine -> seconds by which its clock is ahead, where that is more than LIMIT_S.

    Negative: behind. Machines that do not answer within `timeout_s` are left out.
    """
    found = {}
    with ThreadPoolExecutor(max(1, len(machines))) as pool:
        asked = {m.name: pool.submit(_ahead_s, m, timeout_s) for m in machines}
    for name, future in asked.items():
        with suppress(LabError, ValueError):
            if abs(future.result()) > LIMIT_S:
                found[name] = future.result()
    return found


def words(ahead_s: float) -> str:
    """Return in words how wrong a clock is."""
    return f"clock {abs(ahead_s):.1f} s {'ahead' if ahead_s > 0 else 'behind'}"


def least_s(clock_s: float, asked_s: float, answered_s: float) -> float:
    """Return by how much at least a clock is ahead that said `clock_s` between these two times."""
    return min(0.0, clock_s - asked_s) + max(0.0, clock_s - answered_s)


def _ahead_s(machine: Machine, timeout_s: float) -> float:
    asked_s = time.time()
    clock_s = float(remote.run(machine, ASK, timeout_s=timeout_s))
    return least_s(clock_s, asked_s, time.time())
