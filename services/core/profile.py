"""Every duration of the control loops, by name. Nothing else in the code knows one."""

from typing import NamedTuple

from services.core.errors import LabError


class Profile(NamedTuple):
    """How fast the loops of pull turn.

    Periods in seconds, counted from the end of one pass to the start of the next.
    lease_s: silence after which a node is down. agent_timeout_s: bound of one HTTP call of
    an agent; shorter than the lease, so that one hung call cannot make a node look dead.
    """

    name: str
    agent_s: float
    scheduler_s: float
    controller_s: float
    lease_s: float
    agent_timeout_s: float


# `seed` is the public demonstration's own timing; `fast` is what an audience has patience for.
PROFILES = {
    "seed": Profile("seed", 5, 5, 10, 15, 4),
    "fast": Profile("fast", 1, 1, 1, 3, 2),
}
DEFAULT_PROFILE = "fast"


def profile(name: str) -> Profile:
    """Return the profile called `name`; raises LabError for any other name."""
    try:
        return PROFILES[name]
    except KeyError:
        raise LabError(
            f"unknown profile {name!r}", hint=f"use one of: {', '.join(PROFILES)}"
        ) from None
