"""The loop of scheduler and node controller, started by a timer.

It reads, decides and writes; what it could not write is decided again later. Where the profile
says so it then watches for a while before it ends, so that a change need not wait for the timer.
The timer is the safety net for what a watch may miss.
"""

import sys
import time
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from services.core.address import Address, parse_address
from services.core.backoff import delay_s
from services.core.errors import ApiRefused, ApiUnreachable, LabError, printable
from services.core.profiles import FALLBACK_PROFILE, Profile, profile, stretched
from services.deciders.state_server import Decide, StateServer
from services.lib.slowness import slowness

_USAGE = 2
# An answer over loopback takes milliseconds; a list of 10,000 on a slow guest takes a second.
_LISTS_S = 3.0
_SERVERS_FAULT = 500


class Clock(NamedTuple):
    """Time and chance, so that tests can replace them. chance: from 0 up to 1."""

    now_s: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    # `import random` would cost more than all imports of ours.
    chance: Callable[[], float] = lambda: time.monotonic_ns() % 1000 / 1000


def run(
    decide: Decide,
    server: StateServer,
    timings: Profile,
    clock: Clock = Clock(),  # noqa: B008
) -> None:
    """Decide, then watch and decide again until watch_s have passed; once if that is 0.

    A server that does not answer, or fails, is asked again at growing intervals until then; that
    is printed once. Raises ApiRefused if it still fails in the end, and any other refusal at once.
    """
    until_s = clock.now_s() + timings.watch_s
    explain = _Explanation()
    failures = 0
    while True:
        try:
            wait = decide(server, explain, timings)
            left_s = until_s + wait.stay_s - clock.now_s()
            if left_s <= 0:
                return
            changed = wait.on(min(left_s, wait.at_most_s))
        except (ApiUnreachable, ApiRefused) as error:
            failures += 1
            pause_s = delay_s(failures, clock.chance())
            ends = clock.now_s() + pause_s >= until_s
            if isinstance(error, ApiRefused) and (ends or error.status < _SERVERS_FAULT):
                raise
            if failures == 1:
                print(printable(f"nothing decided: {error}"), file=sys.stderr, flush=True)
            if ends:
                return
            clock.sleep(pause_s)
        else:
            failures = 0
            if changed is None or (not changed and clock.now_s() >= until_s):
                return


def main(decide: Decide, arguments: Sequence[str], environment: Mapping[str, str]) -> int:
    """Run the loop of `decide`: --api ADDRESS:PORT [--profile NAME], by default LAB_PROFILE.

    An API that does not answer is one line and exit code 0: the outage is the API's failure, not
    this unit's, and systemd would print more lines about a failed unit than that one.
    """
    try:
        address, timings = _parse(arguments, environment)
        run(decide, StateServer(address, timings.agent_timeout_s + _LISTS_S), timings)
    except _Usage as error:
        print(printable(str(error)), file=sys.stderr)
        return _USAGE
    except LabError as error:
        print(f"{printable(str(error))}\nhint: {printable(error.hint)}", file=sys.stderr)
        return 1
    return 0


class _Usage(LabError):
    pass


class _Explanation:
    """Prints why nothing more is decided, when that begins or changes."""

    def __init__(self) -> None:
        self._last = ""

    def __call__(self, reason: str) -> None:
        if reason and reason != self._last:
            print(printable(f"WAITING: {reason}"), flush=True)
        self._last = reason


def _parse(arguments: Sequence[str], environment: Mapping[str, str]) -> tuple[Address, Profile]:
    given = {"--api": "", "--profile": environment.get("LAB_PROFILE", FALLBACK_PROFILE)}
    # No argparse: it would be imported for nothing in every pass.
    for at in range(0, len(arguments), 2):
        if arguments[at] not in given or at + 1 == len(arguments):
            raise _Usage("usage: --api ADDRESS:PORT [--profile NAME]")
        given[arguments[at]] = arguments[at + 1]
    try:
        timings = stretched(profile(given["--profile"]), slowness())
        return parse_address(given["--api"]), timings
    except LabError as error:
        raise _Usage(f"usage: --api ADDRESS:PORT [--profile NAME]: {error}; {error.hint}") from None
