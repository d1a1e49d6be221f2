"""Say one word to services.lib.standstill on several machines, until every one has answered.

    python -m lab.snapshot.call SECRET arm|go|stay|renew TIMEOUT_S ADDRESS:PORT...

A program of its own because it runs inside the lab's network namespace. With `go` travels the
time of day, taken as each datagram leaves. Ends with 1 and the silent ones on standard output.
"""

import select
import socket
import sys
import time
from contextlib import suppress

_EVERY_S = 0.02
_ANSWERS = {"arm": "armed", "go": "gone", "stay": "stays", "renew": "renews"}


def main(arguments: list[str]) -> int:
    """Call until all have answered or time is up; return the exit code."""
    secret, word, timeout_s, *named = arguments
    doors = [(host, int(port)) for host, _, port in (one.rpartition(":") for one in named)]
    silent = call(secret, word, doors, float(timeout_s))
    print(*silent)
    return 1 if silent else 0


def call(secret: str, word: str, doors: list[tuple[str, int]], timeout_s: float) -> list[str]:
    """Return those of `doors`, ADDRESS:PORT, that did not answer within `timeout_s`."""
    answer = f"{secret} {_ANSWERS[word]}".encode()
    silent = set(doors)
    deadline = time.monotonic() + timeout_s
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        while silent and time.monotonic() < deadline:
            for door in sorted(silent):
                text = f"{secret} {word} {time.time_ns()}" if word == "go" else f"{secret} {word}"
                _send(asking, text.encode(), door)
            silent -= _heard(asking, answer)
    return sorted(f"{address}:{port}" for address, port in silent)


def _send(asking: socket.socket, message: bytes, door: tuple[str, int]) -> None:
    """Send one datagram. A machine that is paused or gone is no error here: its silence says so."""
    with suppress(OSError):
        asking.sendto(message, door)


def _heard(asking: socket.socket, answer: bytes) -> set[tuple[str, int]]:
    """Return the doors that answered within the next moment."""
    heard = set()
    until = time.monotonic() + _EVERY_S
    while (left := until - time.monotonic()) > 0:
        if select.select([asking], [], [], left)[0]:
            message, sender = asking.recvfrom(512)
            if message == answer:
                heard.add(sender)
    return heard


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
