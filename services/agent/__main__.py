"""`python3 -S -E -m services.agent`: reconcile this node once.

From the unit: LAB_API=ADDRESS:PORT, LAB_PROFILE (seed without it) and STATE_DIRECTORY. For tests:
[--api ADDRESS:PORT] [--node NAME] [--state DIR] [--root DIR] [--systemctl PROGRAM].
Exit code 0 also when nobody answers: running on without the API is the agent's job.
"""

import os
import sys
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from services.agent.journal import Journal
from services.agent.plane import Plane
from services.agent.systemd import Systemd
from services.agent.tick import tick
from services.core.address import Address, parse_address
from services.core.errors import LabError
from services.core.names import check_label
from services.core.profile import UNTOLD_PROFILE, profile, stretched
from services.slowness import slowness


class Settings(NamedTuple):
    """Where one pass looks. timeout_s: bound of one HTTP exchange."""

    api: Address
    node: str
    state: str
    timeout_s: float
    systemd: Systemd


def main(arguments: Sequence[str], environment: Mapping[str, str]) -> int:
    """Run one pass; return 1 and say why if the settings are wrong or systemd refused."""
    try:
        run(settings(arguments, environment))
    except LabError as error:
        print(f"{error}\nhint: {error.hint}", file=sys.stderr)
        return 1
    return 0


def run(options: Settings) -> None:
    """Run one pass. Raises LabError."""
    plane = Plane(
        options.node, options.api, options.state, timeout_s=options.timeout_s, complain=_say
    )
    tick(plane, options.systemd, Journal(f"{options.state}/said.json", _say))


def settings(arguments: Sequence[str], environment: Mapping[str, str]) -> Settings:
    """Return the settings of one pass; options beat the environment. Raises LabError."""
    given = {
        "--api": environment.get("LAB_API", ""),
        "--state": environment.get("STATE_DIRECTORY", ""),
        "--node": os.uname().nodename,
        "--root": "/",
        "--systemctl": "/usr/bin/systemctl",
    }
    # No argparse: it would add 8 % to the instructions of a pass.
    for at in range(0, len(arguments), 2):
        if arguments[at] not in given or at + 1 == len(arguments):
            raise LabError(
                f"{arguments[at]!r} is not an option with a value",
                hint=f"use one of: {', '.join(given)}",
            )
        given[arguments[at]] = arguments[at + 1]
    if not given["--state"]:
        raise LabError(
            "no state directory", hint="set STATE_DIRECTORY or --state, as the unit does"
        )
    timings = environment.get("LAB_PROFILE", UNTOLD_PROFILE)
    return Settings(
        parse_address(given["--api"]),
        check_label(given["--node"], "node"),
        given["--state"],
        stretched(profile(timings), slowness()).agent_timeout_s,
        Systemd(given["--root"], given["--systemctl"]),
    )


def _say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
