"""Every duration of the control loops, by name. They are defined here and nowhere else."""

from typing import NamedTuple

from services.core.errors import LabError


class Profile(NamedTuple):
    """How fast the loops of pull turn.

    Periods in seconds, counted from the end of one pass to the start of the next.
    lease_s: silence after which a node is down. agent_timeout_s: bound of one HTTP call of
    an agent; shorter than the lease, so that one hung call cannot make a node look dead.
    stop_margin_s: how much longer than the lease a container with on_disconnect STOP stays on
    a silent node; covers what the agent needs to notice that its own lease ran out, and to stop
    (services/core/lease.py derives what it must be at least).
    leaving_s: how long a node that shuts down waits for its containers to run elsewhere.
    watch_s: how long a run waits for news before it ends; 0 polls once and ends. tick_s: how
    often an agent gives a sign of life meanwhile. The period then begins when the run ends.
    faithful: the figures are those of the public demonstration, and no machine changes them.
    """

    name: str
    agent_s: float
    scheduler_s: float
    controller_s: float
    lease_s: float
    agent_timeout_s: float
    stop_margin_s: float
    leaving_s: float
    watch_s: float = 0.0
    tick_s: float = 0.0
    faithful: bool = False


# `seed` is the public demonstration's own timing; `fast` is what an audience has patience for.
# Of stop_margin_s: `seed` needs 11.4 s, of which 8.3 from one look at the lease to the next pass's
# and 3 for a stop, and 12.6 at a slowness of 12, being faithful. `fast` needs 6.1 s, 3 and 3; its
# margin is stretched. What is left over, a second and more, is for a host that is busy.
PROFILES = {
    "seed": Profile("seed", 5, 5, 10, 15, 4, stop_margin_s=15, leaving_s=15, faithful=True),
    "fast": Profile(
        "fast", 0.25, 0.25, 0.25, 3, 2, stop_margin_s=7, leaving_s=10, watch_s=10, tick_s=1
    ),
}
DEFAULT_PROFILE = "fast"
# For a service that was started without a profile: clients of the public demonstration send a
# heartbeat every 5 s, and under a shorter lease they would look dead between two of them.
FALLBACK_PROFILE = "seed"
# How much longer a pass takes for each unit of slowness, on a host that has other work as well:
# 2 s at worst under emulation, where the slowness is 8.
_PASS_S = 0.25
_PASSES_IN_A_LEASE = 3


def profile(name: str) -> Profile:
    """Return the profile called `name`; raises LabError for any other name."""
    try:
        return PROFILES[name]
    except KeyError:
        raise LabError(
            f"unknown profile {name!r}", hint=f"use one of: {', '.join(PROFILES)}"
        ) from None


def own_lease_s(timings: Profile) -> float:
    """Return the lease of the profile that `timings` were stretched from."""
    return PROFILES[timings.name].lease_s


def stretched(timings: Profile, slowness: float) -> Profile:
    """Return `timings` with deadlines that a machine `slowness` times as slow as usual can meet.

    Periods stay: how often a loop turns is the lab's subject. A lease must leave an agent three
    passes, or a busy host looks like dead nodes, and their containers are moved in circles.
    """
    if timings.faithful:
        return timings
    longer_s = _PASS_S * max(0.0, slowness - 1)
    return timings._replace(
        lease_s=timings.lease_s + _PASSES_IN_A_LEASE * longer_s,
        agent_timeout_s=timings.agent_timeout_s + longer_s,
        stop_margin_s=timings.stop_margin_s + 2 * longer_s,
        leaving_s=timings.leaving_s + _PASSES_IN_A_LEASE * longer_s,
    )
