"""Ask containers over HTTP, as a user's program would: python3 -m lab.history.prober.

A program of its own because it runs inside the lab's network namespace. Each line of its standard
input says all that it should ask from now on, how often, and how many ports of each, from the one
that is named on: {"every_s", "patience_s", "tries", "endpoints": [[mode, node, name, address,
port], ...]}. Each line of its output is the end of one question: [mode, node, name, asked_s,
ended_s, why]; `why` is empty where that container answered. Times are those of the monotonic
clock. It ends with its input.
"""

import errno
import json
import os
import selectors
import sys
import time
from contextlib import suppress
from socket import SO_ERROR, SOL_SOCKET, socket
from typing import Any, NamedTuple

from services.core.fields import decode

_REQUEST = b"GET / HTTP/1.0\r\n\r\n"
_LONGEST_BYTES = 8192
# A container that did not answer is asked again so much sooner: to refuse costs a node little.
_SOONER = 4
SILENT, STRANGE, OTHER = "no answer in time", "no answer of a container", "another one answers"


class Endpoint(NamedTuple):
    """Where a container may answer. port: the one that it prefers, or what leads there."""

    mode: str
    node: str
    name: str
    address: str
    port: int


class Question:
    """One request to one endpoint, under way."""

    def __init__(self, endpoint: Endpoint, shift: int) -> None:
        self.endpoint = endpoint
        self.asked_s = time.monotonic()
        self.socket = socket()
        self.socket.setblocking(False)
        code = self.socket.connect_ex((endpoint.address, endpoint.port + shift))
        self._failed = 0 if code == errno.EINPROGRESS else code
        self._sent = False
        self._received = b""

    def advance(self) -> str | None:
        """Go on as far as possible. Returns why there is no answer, "" for one; None: not yet."""
        failed = self._failed or self.socket.getsockopt(SOL_SOCKET, SO_ERROR)
        if failed:
            return os.strerror(failed)
        try:
            if not self._sent:
                self.socket.sendall(_REQUEST)
                self._sent = True
            chunk = self.socket.recv(_LONGEST_BYTES)
        except BlockingIOError:
            return None
        except OSError as error:
            return str(error.strerror)
        self._received += chunk
        if chunk and len(self._received) < _LONGEST_BYTES:
            return None
        return said(self._received, self.endpoint)


def said(answer: bytes, endpoint: Endpoint) -> str:
    """Return "" if `answer` is that of the container of `endpoint`, else what is wrong with it."""
    head, _, body = answer.partition(b"\r\n\r\n")
    try:
        fields = decode(body)
        who = (fields["mode"], fields["name"])
    except (ValueError, KeyError, TypeError):
        return STRANGE
    if head.split(b" ")[1:2] != [b"200"]:
        return STRANGE
    return "" if who == (endpoint.mode, endpoint.name) else OTHER


class Prober:
    """Asks every endpoint again and again, at most one question at a time for each of them."""

    def __init__(self, orders: int) -> None:
        """orders: the file that says what to ask."""
        self._orders = orders
        self._begun = b""
        self._every_s = self._patience_s = 1.0
        self._tries = 1
        # Endpoint -> when to ask it, and how far from its preferred port.
        self._due_s: dict[Endpoint, float] = {}
        self._shift: dict[Endpoint, int] = {}
        self._open: dict[Endpoint, Question] = {}
        self._selector = selectors.DefaultSelector()
        self._selector.register(orders, selectors.EVENT_READ)

    def turn(self) -> list[list[Any]] | None:
        """Wait until something happens; return the questions that ended. None: the input ended."""
        now_s = time.monotonic()
        for endpoint, due_s in self._due_s.items():
            if due_s <= now_s and endpoint not in self._open:
                self._ask(endpoint)
        ended = []
        for key, _ in self._selector.select(self._wait_s(now_s)):
            if key.data is None:
                if not self._read():
                    return None
            elif key.data.endpoint in self._open and (why := self._advance(key.data)) is not None:
                ended.append(self._end(key.data, why))
        # By the time before select: what came while this process had no turn has been read.
        late_s = now_s - self._patience_s
        late = [question for question in self._open.values() if question.asked_s <= late_s]
        return ended + [self._end(question, SILENT) for question in late]

    def _wait_s(self, now_s: float) -> float | None:
        due = [due_s for endpoint, due_s in self._due_s.items() if endpoint not in self._open]
        late = [question.asked_s + self._patience_s for question in self._open.values()]
        return max(0.0, min(due + late) - now_s) if due or late else None

    def _read(self) -> bool:
        """Read what to ask; return whether there may be more to come."""
        data = os.read(self._orders, 65536)
        *lines, self._begun = (self._begun + data).split(b"\n")
        if lines:
            self._obey(decode(lines[-1]))
        return bool(data)

    def _obey(self, order: dict[str, Any]) -> None:
        self._every_s, self._patience_s = order["every_s"], order["patience_s"]
        self._tries = order["tries"]
        endpoints = [Endpoint(*fields) for fields in order["endpoints"]]
        new = [endpoint for endpoint in endpoints if endpoint not in self._due_s]
        # Not all at once, then and after that.
        now_s, step_s = time.monotonic(), self._every_s / max(1, len(new))
        due_s = {endpoint: now_s + number * step_s for number, endpoint in enumerate(new)}
        due_s |= self._due_s
        self._due_s = {endpoint: due_s[endpoint] for endpoint in endpoints}
        for endpoint in self._open.keys() - self._due_s.keys():
            self._close(self._open[endpoint])

    def _ask(self, endpoint: Endpoint) -> None:
        question = self._open[endpoint] = Question(endpoint, self._shift.get(endpoint, 0))
        self._selector.register(question.socket, selectors.EVENT_WRITE, question)

    def _advance(self, question: Question) -> str | None:
        why = question.advance()
        self._selector.modify(question.socket, selectors.EVENT_READ, question)
        return why

    def _end(self, question: Question, why: str) -> list[Any]:
        ended_s, endpoint = time.monotonic(), question.endpoint
        self._close(question)
        self._due_s[endpoint] = max(
            ended_s, question.asked_s + self._every_s / (_SOONER if why else 1)
        )
        if why:
            # Two names may prefer one port.
            shift = self._shift.get(endpoint, 0) + 1
            self._shift[endpoint] = shift % self._tries if why == OTHER else 0
        return [endpoint.mode, endpoint.node, endpoint.name, question.asked_s, ended_s, why]

    def _close(self, question: Question) -> None:
        self._selector.unregister(question.socket)
        question.socket.close()
        del self._open[question.endpoint]


def main() -> None:
    """Ask until the input ends."""
    prober = Prober(sys.stdin.fileno())
    with suppress(BrokenPipeError):
        while (ended := prober.turn()) is not None:
            # Not the function print: it would try again, at the end, what could not be written.
            for line in ended:
                os.write(sys.stdout.fileno(), f"{json.dumps(line)}\n".encode())


if __name__ == "__main__":
    main()
