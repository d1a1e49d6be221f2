"""Hold a machine still around a freeze, and set its clock before anything else runs again.

    python3 -S -m services.lib.standstill SECRET ADDRESS PORT

Waits for the datagram `SECRET arm`. From then on it takes the machine's one processor as a
real-time process, so that nothing decides on an old clock; the host pauses the machine, saves it,
and lets it, or a copy of it days later, go on. The first thing to run then is this loop: it waits
for `SECRET go UNIX_TIME_NS`, steps the wall clock, answers, and lets the others run. Monotonic
time, on which leases and timers count, has stood still.

It ends with `SECRET stay`, or renews the machine's DHCP lease on `SECRET renew`: the host may have
forgotten the lease of a copy, or be another one, and Vagrant finds a machine by it. Renewing keeps
an emulated machine busy for a second; so the host says it once those who wait have been served.

If nobody says `go`, because the host's command was killed, it lets go by itself after HOLD_S and
takes the time from the machine's battery-backed clock, which follows the host's; if nobody says
what comes then, it renews after RENEW_AFTER_S.
"""

import os
import socket
import sys
import time

from services.lib.sd_notify import notify

# From `arm` to the pause it takes milliseconds; the kernel gives others 5 % of each second anyway
# (sched_rt_runtime_us), so longer would be no firmer.
HOLD_S = 3.0
# From here on nobody will come any more.
ARM_S = 60.0
# Longer than the lab's APIs take to answer after a thaw, where everything goes well.
RENEW_AFTER_S = 15.0
_FAR_S = 1.5
# The words that end it, and what the host hears then.
_LAST = {b"stay": b"stays", b"renew": b"renews"}
RENEW = ("/usr/bin/networkctl", "renew", "eth0")
_RTC = "/sys/class/rtc/rtc0/since_epoch"


def main(arguments: list[str]) -> int:
    """Hold once; returns the exit code: 1 when it was never armed."""
    secret, address, port = arguments
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asked:
        asked.bind((address, int(port)))
        notify("READY=1")
        if not _heard(asked, secret.encode(), {b"arm": b"armed"}, ARM_S):
            return 1
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(os.sched_get_priority_max(1)))
        told = _hold(asked, secret.encode())
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
        last = _heard(asked, secret.encode(), _LAST, RENEW_AFTER_S) if told else b""
    if last != b"stay":
        os.waitpid(os.posix_spawn(RENEW[0], RENEW, os.environ), 0)
    return 0


def _heard(
    asked: socket.socket, secret: bytes, answers: dict[bytes, bytes], within_s: float
) -> bytes:
    """Return the first word of `answers` that the host says, answered; empty if none in time."""
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


def _hold(asked: socket.socket, secret: bytes) -> bool:
    """Return whether the host said `go`. Turn, never sleep: who sleeps lets others run."""
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
    """Step the wall clock to the machine's own, which knows whole seconds, if it is far off."""
    with open(_RTC, encoding="ascii") as clock:
        now_s = int(clock.read())
    if abs(now_s - time.time()) > _FAR_S:
        time.clock_settime(time.CLOCK_REALTIME, now_s)


def _receive(asked: socket.socket) -> tuple[list[bytes], tuple[str, int]]:
    message, sender = asked.recvfrom(512)
    return message.split(), sender


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
