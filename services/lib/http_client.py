"""HTTP requests over plain sockets, for programs that live for one pass.

`import http.client` alone costs 200 ms in an emulated guest, more than the rest of an agent's pass,
and `urllib.request` twice that. `socket` wraps `_socket` in enums of all its names, which costs a
fifth of a pass's imports. One request per connection, HTTP/1.0, answers framed by Content-Length or
by the end of the stream, JSON bodies: all that our APIs need.
"""

import _socket
import json
import select
import time
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from services.core.address import Address, show_address
from services.core.errors import ApiNonsense, ApiRefused, ApiUnreachable
from services.core.fields import decode, refusal
from services.core.messages import STALE

_LIMIT_BYTES = 8 * 1024 * 1024
NOT_MODIFIED = 304
_NO_HEADERS: Mapping[str, str] = {}


class Reply(NamedTuple):
    """A whole answer. etag: as sent, with its quotes; "" without one. body: decoded JSON.

    stale: why it is possibly not the newest state, or "".
    """

    status: int
    etag: str
    body: Any
    stale: str = ""


class Pending:
    """One request on its way; `wait` and `result` make it progress.

    address: host and port; a name stands for its IPv4 address. path: already quoted. body: sent
    as JSON unless None.
    timeout_s bounds the whole exchange, not one recv. What goes wrong is raised by `result`, and in
    `trouble`.
    """

    def __init__(
        self,
        method: str,
        address: Address,
        path: str,
        body: object = None,
        *,
        headers: Mapping[str, str] = _NO_HEADERS,
        timeout_s: float,
    ) -> None:
        place = show_address(address)
        self.url = f"http://{place}{path}"
        self._deadline_s = time.monotonic() + timeout_s
        payload = b"" if body is None else json.dumps(body).encode()
        lines = [f"{method} {path} HTTP/1.0", f"Host: {place}"]
        lines += [f"{key}: {value}" for key, value in headers.items()]
        lines += ["Content-Type: application/json"] if payload else []
        lines += [f"Content-Length: {len(payload)}", "", ""]
        self._unsent = "\r\n".join(lines).encode("ascii") + payload
        self._answer = bytearray()
        self.trouble = ""
        self.over = False
        family = _socket.AF_INET6 if ":" in address[0] else _socket.AF_INET
        kind = _socket.SOCK_STREAM | _socket.SOCK_NONBLOCK | _socket.SOCK_CLOEXEC
        self._socket: Any = None
        try:
            # This fails where the unit or the kernel allows no such family, or no more files.
            self._socket = _socket.socket(family, kind)
            self._socket.connect(address)
        except BlockingIOError:
            return  # on its way; `send` shows how it ended
        except (OSError, UnicodeError) as error:  # the latter for a name that cannot be one
            self._end(error)

    def fileno(self) -> int:
        return int(self._socket.fileno())

    @property
    def sent(self) -> bool:
        """Whether all of the request has left."""
        return not self._unsent

    def interest(self) -> int:
        """What poll(2) should wait for."""
        return select.POLLOUT if self._unsent else select.POLLIN

    def left_s(self) -> float:
        """Return the seconds until this is over in any case."""
        return max(0.0, self._deadline_s - time.monotonic())

    def step(self) -> None:
        """Send and receive what can be without waiting; give up when the time is over."""
        try:
            while self._unsent:
                self._unsent = self._unsent[self._socket.send(self._unsent) :]
            self._receive()
        except BlockingIOError:
            if not self.left_s():
                self._end(TimeoutError("timed out"))
        except (OSError, ValueError) as error:
            self._end(error)

    def result(self) -> Reply:
        """Return the answer, a success or "not modified"; wait for it if it is not there yet.

        Raises ApiUnreachable when no whole answer came, ApiNonsense when its body is not JSON,
        and ApiRefused for every other status.
        """
        while not self.over:
            # Not 0, so that one last step gives up.
            wait([self], self.left_s() or 0.001)
        try:
            if self.trouble:
                raise ValueError(self.trouble)
            status, fields, raw = _split(bytes(self._answer))
        except ValueError as error:
            raise ApiUnreachable(self.url, str(error) or type(error).__name__) from None
        refused = not 200 <= status < 300 and status != NOT_MODIFIED
        try:
            body = decode(raw) if raw else None
        except ValueError as error:
            if not refused:
                raise ApiNonsense(self.url, str(error)) from None
            # A page of a server that is not ours, or of a proxy: its status says enough.
            body = {"error": "an answer that is not JSON"}
        if refused:
            raise ApiRefused(self.url, status, *refusal(body))
        etag = fields.get("etag", "")
        # It goes back in a header of ours, where a control character would end the line.
        etag = etag if etag.isascii() and etag.isprintable() else ""
        return Reply(status, etag, body, fields.get(STALE.lower(), ""))

    def close(self) -> None:
        """Give up; does nothing to a request that is over."""
        self.over = True
        if self._socket is not None:
            self._socket.close()

    def _receive(self) -> None:
        while chunk := self._socket.recv(65536):
            self._answer += chunk
            if len(self._answer) > _LIMIT_BYTES:
                raise ValueError(f"answer of more than {_LIMIT_BYTES} bytes")
        self.close()

    def _end(self, error: Exception) -> None:
        self.trouble = str(error) or type(error).__name__
        self.close()


def wait(exchanges: Sequence[Pending], timeout_s: float) -> None:
    """Let all `exchanges` make progress until one of them is over, or timeout_s have passed.

    Without any exchange it sleeps.
    """
    until_s = time.monotonic() + timeout_s
    left_s = timeout_s
    while left_s > 0 and not any(pending.over for pending in exchanges):
        poller = select.poll()
        for pending in exchanges:
            poller.register(pending, pending.interest())
        bound_s = min([left_s, *(pending.left_s() for pending in exchanges)])
        poller.poll(bound_s * 1000)
        for pending in exchanges:
            pending.step()
        left_s = until_s - time.monotonic()


def _split(raw: bytes) -> tuple[int, dict[str, str], bytes]:
    """Return status, headers by their names in lower case, and body of the answer in `raw`.

    Raises ValueError if it is cut short.
    """
    head, separator, body = raw.partition(b"\r\n\r\n")
    lines = head.decode("latin-1").split("\r\n")
    words = lines[0].split(" ", 2)
    if not separator or len(words) < 2 or not words[0].startswith("HTTP/1."):
        raise ValueError("not a whole HTTP answer")
    fields = {key.lower(): value.strip() for key, _, value in (x.partition(":") for x in lines[1:])}
    status, length = int(words[1]), fields.get("content-length", "")
    # A 304 may tell the length of what it does not send (RFC 9110, 8.6).
    if length and int(length) != len(body) and status != NOT_MODIFIED:
        raise ValueError(f"answer cut short: {len(body)} of {length} bytes")
    return status, fields, body
