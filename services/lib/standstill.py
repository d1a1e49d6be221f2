"""Keep a machine still around a freeze, and set its clock before anything else runs again.

    python3 -S -m services.lib.standstill SECRET ADDRESS PORT

It waits for the datagram `SECRET arm`. From then on it occupies the machine's one processor as a
real-time process, so that no service decides on an old clock. The host pauses the machine, saves
it, and resumes it, or a copy of it days later. This loop is what runs first then: it waits for
`SECRET go UNIX_TIME_NS`, sets the wall clock, answers, and lets the other processes run. Monotonic
time, on which leases and timers count, has not moved.

The program ends with `SECRET stay`. With `SECRET renew` it first renews the machine's DHCP lease:
the host may have forgotten the lease of a copy, or may be another host, and Vagrant finds a machine
by it. Renewing keeps an emulated machine busy for a second, so the host asks for it once those who
wait for the lab have been served.

Without a `go`, because the host's command was killed, it lets the other processes run after HOLD_S
and takes the time from the machine's battery-backed clock, which follows the host's. Without `stay`
or `renew`, it renews after RENEW_AFTER_S.
"""

import os
import socket
import sys
import time

from services.lib.sd_notify import notify
from services.lib.world_clock import frozen, rtc_s

# From `arm` to the pause it takes milliseconds. The kernel gives 5 % of each second to other
# processes anyway (sched_rt_runtime_us), so a longer time would help nothing.
HOLD_S = 3.0
# The host sends `arm` within this time, or not at all.
ARM_S = 60.0
# Longer than the lab's APIs take to answer after a thaw, where everything goes well.
RENEW_AFTER_S = 15.0
_FAR_S = 1.5
# The words that end it, and the answers to them.
_LAST = {b"stay": b"stays", b"renew": b"renews"}
RENEW = ("/usr/bin/networkctl", "renew", "eth0")


def main(arguments: list[str]) -> int:
    """Keep still once; return the exit code: 1 when it was never armed."""
    secret, address, port = arguments
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asked:
        asked.bind((address, int(port)))
        notify("READY=1")
        if not _heard(asked, secret.encode(), {b"arm": b"armed"}, ARM_S):
            return 1
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(os.sched_get_priority_max(1)))
        resumed = _keep_still(asked, secret.encode())
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
        last = _heard(asked, secret.encode(), _LAST, RENEW_AFTER_S) if resumed else b""
    if last != b"stay":
        os.waitpid(os.posix_spawn(RENEW[0], RENEW, os.environ), 0)
    return 0


def _heard(
    asked: socket.socket, secret: bytes, answers: dict[bytes, bytes], within_s: float
) -> bytes:
    """Return the first word of `answers` that the host sends, after answering; empty if none."""
    deadline = time.monotonic() + within_s
    while (left := deadline - time.monotonic()) > 0:
        asked.settimeout(left)
        try:
            said, sender = _receive(asked)
        except TimeoutError:
            break
        if len(said) == 2 and said[0] == secret and said[1] in answers:
            asked.sendto(secret + b" " + answers[said[1]], sender)
            return said[1]
    return b""


def _keep_still(asked: socket.socket, secret: bytes) -> bool:
    """Return whether the host sent `go`. It never sleeps: that would let other processes run."""
    with frozen():
        return _occupy(asked, secret)


def _occupy(asked: socket.socket, secret: bytes) -> bool:
    """Occupy the processor until `go`, or for HOLD_S."""
    asked.setblocking(False)
    deadline = time.monotonic() + HOLD_S
    while time.monotonic() < deadline:
        try:
            words, sender = _receive(asked)
        except BlockingIOError:
            continue
        if words[:2] == [secret, b"arm"]:
            asked.sendto(secret + b" armed", sender)
        elif words[:2] == [secret, b"go"] and len(words) == 3 and words[2].isdigit():
            time.clock_settime_ns(time.CLOCK_REALTIME, int(words[2]))
            asked.sendto(secret + b" gone", sender)
            return True
    _follow_rtc()
    return False


def _follow_rtc() -> None:
    """Set the wall clock by the battery-backed one, which has whole seconds, if it is far off."""
    now_s = rtc_s()
    if now_s and abs(now_s - time.time()) > _FAR_S:
        time.clock_settime(time.CLOCK_REALTIME, now_s)


def _receive(asked: socket.socket) -> tuple[list[bytes], tuple[str, int]]:
    message, sender = asked.recvfrom(512)
    return message.split(), sender


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
