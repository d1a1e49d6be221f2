"""Which control planes the lab runs right now, and which of them a command is about."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from lab.errors import LabNotUp
from lab.host.speed import deadline_s
from lab.machines import power, remote, units
from lab.terminal.params import BOTH
from provisioning.topology import Topology
from services.core.errors import ApiUnreachable, LabError
from services.core.profiles import Profile
from services.core.profiles import profile as named_profile

_SSH_S = 5.0


def on(topology: Topology) -> list[str]:
    """Return the modes that are on, as the API machine says; raises LabNotUp when that is off."""
    states = power.machine_states(topology)
    if states.get(topology.api.name) != "running":
        raise LabNotUp(topology.lab, states)
    said = remote.run(topology.api, units.LIST, timeout_s=deadline_s(_SSH_S))
    return units.active_modes(units.parse(said), list(topology.ports))


def pick(asked: str, running: Sequence[str]) -> list[str]:
    """Return the modes that `asked` means: itself, or with `both` every one in `running`.

    Raises LabError when that is none, or not running.
    """
    if asked == BOTH and running:
        return list(running)
    if asked in running:
        return [asked]
    raise LabError(f"the lab runs without the mode {asked!r}", hint=f"lab up {asked}")


@contextmanager
def about_pull(topology: Topology) -> Iterator[None]:
    """Say what is wrong when pull's API is silent because the lab runs without pull.

    Raises LabError then; looks at the machines only when it is silent.
    """
    try:
        yield
    except ApiUnreachable:
        if "pull" not in on(topology):
            raise LabError(
                "the lab runs without pull, and push has no such thing: it keeps no list of what "
                "should run, so it can neither move anything nor tell what happened",
                hint="lab up both",
            ) from None
        raise


def profile(topology: Topology) -> Profile:
    """Return the timing profile under which the lab runs, as the API machine says."""
    said = remote.run(topology.api, ["cat", "/etc/lab/profile.env"], timeout_s=deadline_s(_SSH_S))
    settings = dict(line.partition("=")[::2] for line in said.splitlines())
    return named_profile(settings.get("LAB_PROFILE", ""))
