"""How long an experiment expects, waits and observes. Pure: it follows from the profile."""

from collections.abc import Sequence
from typing import NamedTuple

from services.core.profiles import Profile

# Observation has to end: "push did not repair it" means "not in three times as long as it
# takes pull".
PATIENCE = 3
# What commands and container starts take beside the loops' periods, with KVM.
_WORK_S = 2.0


class Deadlines(NamedTuple):
    """expected_s: what pull should need. limit_s: when to give pull up, on this machine."""

    expected_s: float
    limit_s: float

    def enough(self, modes: Sequence[str], pull_s: float | None, elapsed_s: float) -> bool:
        """Whether to stop observing `modes` after `elapsed_s`. pull_s: when pull was done.

        Pull is observed until it is done, push for PATIENCE times as long as pull should have
        needed, or did.
        """
        if "pull" in modes and pull_s is None:
            return elapsed_s >= self.limit_s
        if "push" not in modes:
            return True
        return elapsed_s >= PATIENCE * max(self.expected_s, pull_s or 0.0)


def drift_s(profile: Profile) -> float:
    """Return how long pull may need to correct one node, with KVM."""
    return profile.agent_s + _WORK_S


def outage_s(profile: Profile) -> float:
    """Return how long an agent may need to give the API up and still correct its node."""
    return profile.agent_timeout_s + drift_s(profile)


def placing_s(profile: Profile) -> float:
    """Return how long pull may need from a declaration to a container that serves."""
    return profile.scheduler_s + profile.agent_s + 2 * _WORK_S


def healing_s(profile: Profile) -> float:
    """Return how long pull may need from the death of a node to containers elsewhere."""
    return profile.lease_s + profile.controller_s + placing_s(profile)
