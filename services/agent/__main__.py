"""`python3 -S -E -m services.agent`: reconcile this node, once, or for as long as a pass watches.

From the unit: LAB_API=ADDRESS:PORT, LAB_PROFILE (seed without it), LAB_TOKEN_FILE, STATE_DIRECTORY
and RUNTIME_DIRECTORY. For tests: [--api ADDRESS:PORT] [--node NAME] [--state DIR] [--run DIR]
[--root DIR] [--systemctl PROGRAM]. With --leaving first: say goodbye for a node that shuts down.
Exit code 0 also when nobody answers: running on without the API is the agent's job.
"""

import os
import sys
import time
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from services.agent.journal import Journal
from services.agent.line import Line
from services.agent.plane import Plane
from services.agent.systemd import Systemd
from services.agent.tick import tick
from services.core.address import Address, parse_address
from services.core.errors import LabError
from services.core.names import check_label
from services.core.profile import UNTOLD_PROFILE, Profile, profile, stretched
from services.lib.slowness import slowness

_LEAVING = "--leaving"
_BOOT_ID = "/proc/sys/kernel/random/boot_id"
# Of the unit's runtime directories; the other is the containers'.
_RUN = "/lab-agent"


class Settings(NamedTuple):
    """Where one pass looks. run: where the lease is kept. boot: this boot's id."""

    api: Address
    node: str
    state: str
    run: str
    token_path: str
    timings: Profile
    systemd: Systemd
    boot: str


def main(arguments: Sequence[str], environment: Mapping[str, str]) -> int:
    """Run one pass; return 1 and say why if the settings are wrong or systemd refused."""
    leaves = arguments[:1] == [_LEAVING]
    try:
        options = settings(arguments[1:] if leaves else arguments, environment, leaves=leaves)
        leave(options) if leaves else run(options)
    except LabError as error:
        print(f"{error}\nhint: {error.hint}", file=sys.stderr)
        return 1
    return 0


def run(options: Settings) -> None:
    """Run one pass. Raises LabError."""
    timings = options.timings
    until_s = time.monotonic() + timings.watch_s
    plane = Plane(
        options.node,
        options.api,
        options.state,
        timeout_s=timings.agent_timeout_s,
        complain=_say,
        run=options.run,
        token_path=options.token_path,
        boot=options.boot,
    )
    journal = Journal(f"{options.state}/said.json", _say)
    if not timings.watch_s:
        tick(plane, options.systemd, journal)
        return
    # Here, and below: what a pass does not need is not imported by it.
    from services.agent.held import Held
    from services.agent.watch import Watch

    held = Held(plane, tick_s=timings.tick_s, until_s=until_s)
    Watch(held, options.systemd, journal, patience_s=timings.tick_s).run(until_s)


def leave(options: Settings) -> None:
    """Say goodbye, within leaving_s of the profile and its agent_timeout_s."""
    from services.agent import leaving

    line = Line(
        options.node,
        options.api,
        timeout_s=options.timings.agent_timeout_s,
        token_path=options.token_path,
        boot=options.boot,
    )
    reach_s = options.timings.agent_timeout_s / leaving.ATTEMPTS
    leaving.leave(line, _say, wait_s=options.timings.leaving_s, reach_s=reach_s)


def settings(
    arguments: Sequence[str], environment: Mapping[str, str], *, leaves: bool = False
) -> Settings:
    """Return the settings of one pass; options beat the environment. Raises LabError.

    leaves: for a goodbye, which remembers nothing.
    """
    runs = environment.get("RUNTIME_DIRECTORY", "").split(":")
    given = {
        "--api": environment.get("LAB_API", ""),
        "--state": environment.get("STATE_DIRECTORY", ""),
        "--run": next((path for path in runs if path.endswith(_RUN)), ""),
        "--node": os.uname().nodename,
        "--root": "/",
        "--systemctl": "/usr/bin/systemctl",
    }
    # No argparse: it would add 8 % to the instructions of a pass.
    for at in range(0, len(arguments), 2):
        if arguments[at] not in given or at + 1 == len(arguments):
            raise LabError(
                f"{arguments[at]!r} is not an option with a value",
                hint=f"use one of: {', '.join(given)}; {_LEAVING} stands alone, and first",
            )
        given[arguments[at]] = arguments[at + 1]
    if not given["--state"] and not leaves:
        raise LabError(
            "no state directory", hint="set STATE_DIRECTORY or --state, as the unit does"
        )
    timings = environment.get("LAB_PROFILE", UNTOLD_PROFILE)
    return Settings(
        parse_address(given["--api"]),
        check_label(given["--node"], "node"),
        given["--state"],
        given["--run"] or given["--state"],
        environment.get("LAB_TOKEN_FILE", "/etc/lab/token"),
        stretched(profile(timings), slowness()),
        Systemd(given["--root"], given["--systemctl"]),
        _boot_id(),
    )


def _boot_id() -> str:
    try:
        with open(_BOOT_ID, encoding="ascii") as file:
            return file.read().strip()
    except OSError:
        return ""  # no kernel that says so: then nobody can tell a reboot from a late heartbeat


def _say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
