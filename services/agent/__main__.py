"""`python3 -S -E -m services.agent`: make this node run what it should.

One pass where the profile polls; where it waits for news, passes for as long as the profile says.
From the unit: LAB_API=ADDRESS:PORT, LAB_PROFILE (seed without it), LAB_TOKEN_FILE, STATE_DIRECTORY
and RUNTIME_DIRECTORY. For tests: [--api ADDRESS:PORT] [--node NAME] [--state DIR] [--run DIR]
[--root DIR] [--systemctl PROGRAM]. With --leaving before them: say goodbye for a node that shuts
down. The exit code is 0 also when the API does not answer: to go on without it is the agent's job.
"""

import os
import sys
import time
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from services.agent.client import NodeClient
from services.agent.local_state import LocalState
from services.agent.loop import run
from services.agent.memory import Memory
from services.agent.narrator import Narrator
from services.agent.plane import Plane
from services.agent.systemd import Systemd
from services.agent.tick import ControlPlane
from services.core.address import Address, parse_address
from services.core.errors import LabError, printable
from services.core.names import check_label
from services.core.profiles import FALLBACK_PROFILE, Profile, profile, stretched
from services.lib.slowness import slowness

_LEAVING = "--leaving"
_BOOT_ID = "/proc/sys/kernel/random/boot_id"
# The agent's own of the unit's runtime directories; the other one is for its containers.
_RUN = "/lab-agent"


class Settings(NamedTuple):
    """What one run of the agent needs to know.

    state: folder of the assignment. run: folder of the lease. boot: id of this boot, or "".
    """

    api: Address
    node: str
    state: str
    run: str
    token_path: str
    timings: Profile
    root: str
    systemctl: str
    boot: str

    def client(self) -> NodeClient:
        """Return this node's client of the state server."""
        timeout_s = self.timings.agent_timeout_s
        return NodeClient(
            self.node, self.api, timeout_s=timeout_s, token_path=self.token_path, boot=self.boot
        )


def main(arguments: Sequence[str], environment: Mapping[str, str]) -> int:
    """Return 0; return 1 and say why if the settings are wrong or systemd refused something."""
    leaves = arguments[:1] == [_LEAVING]
    try:
        options = settings(arguments[1:] if leaves else arguments, environment, leaves=leaves)
    except LabError as error:
        print(f"{printable(str(error))}\nhint: {error.hint}", file=sys.stderr)
        return 1
    if leaves:
        _leave(options)
        return 0
    return 0 if reconcile_node(options) else 1


def reconcile_node(options: Settings) -> bool:
    """Make this node run what it should; return whether systemd did all that it was asked to do."""
    timings = options.timings
    until_s = time.monotonic() + timings.watch_s
    memory = Memory(options.state, options.run, options.boot, _complain)
    polling = Plane(options.client(), LocalState(memory), _complain)
    plane: ControlPlane = polling
    if timings.watch_s:
        # Not above: a pass that polls would import it for nothing.
        from services.agent.longpoll import LongPoll

        plane = LongPoll(polling, tick_s=timings.tick_s, until_s=until_s)
    systemd = Systemd(options.root, options.systemctl, patience_s=timings.tick_s)
    return run(plane, systemd, Narrator(f"{options.state}/said.json", _say))


def _leave(options: Settings) -> None:
    """Say goodbye, within leaving_s and two and a half times agent_timeout_s after it is heard."""
    from services.agent import leaving

    timeout_s = options.timings.agent_timeout_s
    reach_s = timeout_s / leaving.ATTEMPTS
    leaving.leave(options.client(), _complain, wait_s=options.timings.leaving_s, reach_s=reach_s)


def settings(
    arguments: Sequence[str], environment: Mapping[str, str], *, leaves: bool = False
) -> Settings:
    """Return the settings; options come before the environment. Raises LabError.

    leaves: for a goodbye, which needs no state directory.
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
                hint=f"use one of: {', '.join(given)}; {_LEAVING}, without a value, comes first",
            )
        given[arguments[at]] = arguments[at + 1]
    if not given["--state"] and not leaves:
        raise LabError(
            "no state directory", hint="set STATE_DIRECTORY or --state, as the unit does"
        )
    timings = environment.get("LAB_PROFILE", FALLBACK_PROFILE)
    return Settings(
        parse_address(given["--api"]),
        check_label(given["--node"], "node"),
        given["--state"],
        given["--run"] or given["--state"],
        environment.get("LAB_TOKEN_FILE", "/etc/lab/token"),
        stretched(profile(timings), slowness()),
        given["--root"],
        given["--systemctl"],
        _boot_id(),
    )


def _boot_id() -> str:
    try:
        with open(_BOOT_ID, encoding="ascii") as file:
            return file.read().strip()
    except OSError:
        return ""  # then the server cannot tell a reboot from a late heartbeat


def _say(text: str) -> None:
    print(text, flush=True)


def _complain(line: str) -> None:
    _say(printable(line))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
