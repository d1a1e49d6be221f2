"""One request as it comes in: whole, in time and within limits, before any app sees it.

So no handler ever waits for its client, and one that sends a byte a minute disturbs nobody.
"""

import io
import json
import re
from http.client import HTTPException
from typing import Any

import gevent
from gevent.pywsgi import MAX_REQUEST_LINE, WSGIHandler

from services.core import wire
from services.web.body import REPORT_LIMIT_BYTES
from services.web.patience import HEADER_LIMIT_BYTES, HINTS, Refused
from services.web.request_ids import HEADER

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

_WORD = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_REQUEST_LINE = re.compile(_WORD + r" [!-~]+ HTTP/1\.[0-9]")
_FIELD = re.compile(_WORD.encode() + b":")


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
        self.response_length = 0
        # An empty line before it is none of its own (RFC 9112, 2.2).
        line = self.requestline = self.read_requestline().lstrip("\r\n") or self.read_requestline()
        if len(line) >= MAX_REQUEST_LINE:
            raise Refusal(414, f"a request line of {MAX_REQUEST_LINE} bytes and more")
        if not _REQUEST_LINE.fullmatch(line.rstrip("\r\n")):
            raise Refusal(400, f"{line[:80]!r} is no request line of HTTP/1")
        try:
            self.read_request(line)
        except ValueError as error:
            raise Refusal(400, str(error)) from None
        lengths = set(self.headers.get_all("Content-Length", []))
        if len(lengths) > 1 or not all(one.isascii() and one.isdecimal() for one in lengths):
            raise Refusal(400, f"Content-Length {', '.join(sorted(lengths))[:80]!r}")
        coding = ", ".join(self.headers.get_all("Transfer-Encoding", [])).lower()
        if coding not in ("", "chunked"):
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
        # What http.client takes in any way may mean something else to somebody else.
        if line.rstrip(b"\r\n") and not _FIELD.match(line):
            raise Refusal(400, "a header line without a name")  # nor with what may be a token
        return line
