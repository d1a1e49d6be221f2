"""One request as it comes in: whole, in time and within limits, before any app sees it.

So no handler ever waits for its client, and one that sends a byte a minute disturbs nobody.
"""

import io
import json
from http.client import HTTPException
from typing import Any

import gevent
from gevent.pywsgi import MAX_REQUEST_LINE, WSGIHandler

from services.core import wire
from services.observe.ids import HEADER
from services.web.body import REPORT_LIMIT_BYTES
from services.web.patience import HEADER_LIMIT_BYTES, HINTS, Refused

# Read and discarded up to here, so that the client sees our 413 and not a broken pipe.
_DRAIN_BYTES = 16 * 1024 * 1024
# What a connection may hold before it is counted: as much as its buffer does.
_PIECE_BYTES = 8 * 1024
_REASONS = {
    400: "Bad Request",
    408: "Request Timeout",
    413: "Content Too Large",
    414: "URI Too Long",
    431: "Request Header Fields Too Large",
    501: "Not Implemented",
    503: "Service Unavailable",
}


class Refusal(Exception):
    """A request that no app will see."""

    def __init__(self, status: int, error: str) -> None:
        super().__init__(error)
        self.status = status


class Receiving(WSGIHandler):  # type: ignore[misc]
    """What pywsgi does not do about a request: limits, and a time for all of it together."""

    # Bytes of the body that are kept for the handler.
    kept_bytes = 0

    def receive(self) -> None:
        """Read one request, of which something is there. Raises Refusal, and OSError of a client
        that is gone."""
        limit_s = self.server.patience.request_s
        with gevent.Timeout(limit_s, False):
            self._read_head()
            self._read_body()
            return
        raise Refusal(408, f"not complete after {limit_s:g} s")

    def MessageClass(self, rfile: Any, *rest: Any) -> Any:  # noqa: N802 - pywsgi's name
        """Parse headers as pywsgi does, but only so many bytes of them."""
        try:
            return super().MessageClass(_Limited(rfile), *rest)
        except HTTPException as error:  # more than 100 of them
            raise Refusal(431, str(error)) from None

    def refuse(self, refusal: Refusal) -> None:
        """Answer, and close: what follows on this connection may be anything."""
        status, error = refusal.status, f"{_REASONS[refusal.status]}: {refusal}"
        body = json.dumps(wire.dump_error(error, HINTS.get(status, ""))).encode()
        name = self.server.refused(
            Refused(
                method=self.command or "",
                path=(self.path or "").partition("?")[0],
                status=status,
                sent_bytes=len(body),
                client=str(self.client_address[0]),
                error=error,
            )
        )
        head = (
            f"HTTP/1.1 {status} {_REASONS[status]}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n{HEADER}: {name}\r\nConnection: close\r\n\r\n"
        )
        self.socket.sendall(head.encode("latin-1") + body)

    def _read_head(self) -> None:
        self.command = self.path = ""
        self.requestline = self.read_requestline()
        self.response_length = 0
        if len(self.requestline) >= MAX_REQUEST_LINE:
            raise Refusal(414, f"a request line of {MAX_REQUEST_LINE} bytes and more")
        try:
            self.read_request(self.requestline)
        except ValueError as error:
            raise Refusal(400, str(error)) from None
        if self.request_version == "HTTP/0.9":
            raise Refusal(400, "HTTP/0.9")
        lengths = set(self.headers.get_all("Content-Length", []))
        if len(lengths) > 1 or not all(one.isascii() and one.isdecimal() for one in lengths):
            raise Refusal(400, f"Content-Length {', '.join(sorted(lengths))[:80]!r}")
        coding = self.headers.get("Transfer-Encoding", "chunked").lower()
        if coding != "chunked":
            raise Refusal(501, f"transfer coding {coding[:40]!r}")

    def _read_body(self) -> None:
        if (self.content_length or 0) > _DRAIN_BYTES:
            raise Refusal(413, f"a body of {self.content_length} bytes")
        self.environ = self.get_environ()
        content = bytearray()
        size = 0
        try:
            # Not environ's: that is the bare connection if the client asks for an upgrade.
            while size <= _DRAIN_BYTES and (piece := self.wsgi_input.read(_PIECE_BYTES)):
                size += len(piece)
                if size <= REPORT_LIMIT_BYTES:
                    self._keep(len(piece))
                    content += piece
        except (OSError, ValueError) as error:
            raise Refusal(400, f"a body that is cut short or badly chunked: {error}") from None
        if size > REPORT_LIMIT_BYTES:
            raise Refusal(413, f"a body of {size} bytes; the limit is {REPORT_LIMIT_BYTES}")
        self.environ["wsgi.input"] = io.BytesIO(content)
        if self.environ.pop("HTTP_TRANSFER_ENCODING", None):
            self.environ["CONTENT_LENGTH"] = str(size)

    def _keep(self, count: int) -> None:
        """Count `count` bytes of a body: many that are small are as large as one."""
        self.kept_bytes += count
        self.server.kept_bytes += count
        if self.server.kept_bytes > self.server.patience.bodies_bytes:
            raise Refusal(503, "too many bodies at once")

    def let_go(self) -> None:
        """The body is not needed any more."""
        self.server.kept_bytes -= self.kept_bytes
        self.kept_bytes = 0


class _Limited:
    """The lines of `rfile`, up to our limit on headers; http.client would take 6.5 MB."""

    def __init__(self, rfile: Any) -> None:
        self._rfile = rfile
        self._left = HEADER_LIMIT_BYTES

    def readline(self, _limit: int = -1) -> bytes:
        """Return the next line. Raises Refusal beyond the limit."""
        line: bytes = self._rfile.readline(self._left + 1)
        self._left -= len(line)
        if self._left < 0:
            raise Refusal(431, f"headers of more than {HEADER_LIMIT_BYTES} bytes")
        return line
