"""Reach the steady state before the fault, and count what that takes of the network."""

import time
from collections.abc import Sequence

from lab.experiment.actions import Orders, await_all
from lab.history.record import BEFORE, CHANGED, IDLE
from services.core.profiles import Profile

_QUIET_S = 4.0


def reach(
    orders: Orders, names: Sequence[str], probes: Sequence[str], limit_s: float, quiet_s: float
) -> None:
    """Declare the containers `names`; return once they run and answer, and `probes` are true.

    quiet_s: so long at least is counted what is said while nothing is to be done.
    Raises LabError if something takes longer than `limit_s`.
    """
    recording = orders.recording
    with recording.traffic.counting() as count:
        count(BEFORE)
        orders.declare(names)
        await_all(orders, ["run-once"], limit_s)
        count(CHANGED)
        until_s = recording.writer.now_s() + quiet_s
        await_all(orders, [*probes, "run-once", "reachable"], limit_s)
        time.sleep(max(0.0, until_s - recording.writer.now_s()))
        count(IDLE)


def quiet_s(profile: Profile) -> float:
    """Return for how long to count what is said while nothing is to be done."""
    return max(_QUIET_S, 2 * profile.agent_s)
