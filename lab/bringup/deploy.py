"""Install the checkout's code, timing profile, tokens and mode on running machines."""

from collections.abc import Callable, Sequence

from lab.bringup.plan import MODES
from lab.host.speed import deadline_s
from lab.machines import remote
from lab.planes import tokens
from provisioning.guest import source
from provisioning.topology import Machine, Topology

# Push imports Fabric before it is ready.
_COMMAND_S = 30

Outputs = dict[str, str]


def deploy(topology: Topology, profile: str, say: Callable[[str], None]) -> list[str]:
    """Update what is not up to date and return the names of the machines that were.

    Code travels only where its digest differs; then, and for another profile, the guest's own
    set-up runs, which restarts what changed. Then the tokens, for which set-up makes the users.
    """
    machines = topology.machines
    look = f"cat /opt/lab/DIGEST /etc/lab/profile.env && {tokens.LOOK}"
    asked = _run(machines, ["sh", "-c", look])
    updated = _update(machines, asked, profile, say)
    updated += tokens.settle(topology, asked, say)
    return [machine.name for machine in machines if machine.name in updated]


def _update(
    machines: Sequence[Machine], asked: Outputs, profile: str, say: Callable[[str], None]
) -> list[str]:
    digest = source.digest()
    stale = [m for m in machines if digest not in asked[m.name].split()]
    changed = [m for m in machines if f"LAB_PROFILE={profile}" not in asked[m.name].split()]
    if stale:
        say(f"code: {', '.join(machine.name for machine in stale)}")
        # The old tree goes first: a module that was deleted here must not live on there. Its
        # digest goes before it: an interrupted copy must not look like the old tree.
        script = (
            "cd /opt/lab && : > DIGEST && rm -rf services provisioning && tar -xf - && "
            "python3 -m compileall -q services provisioning"
        )
        _run(stale, ["sh", "-c", script], data=source.archive())
    update = [machine for machine in machines if machine in stale or machine in changed]
    if update:
        setup = "cd /opt/lab && exec python3 -m provisioning.guest.setup --live"
        _run(update, ["sh", "-c", f"{setup} --profile {profile} --digest {digest}"])
    return [machine.name for machine in update]


def switch(machines: Sequence[Machine], mode: str) -> None:
    """Start the targets of `mode` on `machines` and stop the other ones; returns once started."""
    _run(machines, ["lab-mode", *MODES[mode]])


def _run(machines: Sequence[Machine], argv: Sequence[str], *, data: bytes | None = None) -> Outputs:
    return remote.run_everywhere(machines, argv, timeout_s=deadline_s(_COMMAND_S), data=data)
