"""One connection of the state server: a request is received whole, in time, before it is handled.

So no handler ever waits for its client, and one that sends a byte a minute disturbs nobody.
"""

import io
import json
import time
from http.client import HTTPException, LineTooLong
from typing import Any

import gevent
from gevent.pywsgi import MAX_REQUEST_LINE, WSGIHandler

from services.core import wire
from services.observe.ids import HEADER
from services.web.body import REPORT_LIMIT_BYTES
from services.web.patience import HEADER_LIMIT_BYTES, HINTS, Refused

# Read and discarded up to here, so that the client sees our 413 and not a broken pipe.
_DRAIN_BYTES = 16 * 1024 * 1024
_REASONS = {
    400: "Bad Request",
    408: "Request Timeout",
    413: "Content Too Large",
    414: "URI Too Long",
    431: "Request Header Fields Too Large",
    501: "Not Implemented",
    503: "Service Unavailable",
}


class _Refusal(Exception):
    """A request that no app will see."""

    def __init__(self, status: int, error: str) -> None:
        super().__init__(error)
        self.status = status


class _Silent(BaseException):
    """The client's time is over, or it was dropped to make room."""


class Connection(WSGIHandler):  # type: ignore[misc]
    """Handles the requests of one connection, one after the other."""

    def handle(self) -> None:
        """Handle requests until either side has enough."""
        self._greenlet = gevent.getcurrent()
        # Of one read or write: a client that does not take its answer goes, too.
        self.socket.settimeout(self.server.patience.request_s)
        try:
            super().handle()
        except _Silent:
            pass
        finally:
            self.server.waiting.pop(self, None)

    def drop(self) -> None:
        """End it now; only while it is the client's turn."""
        self.server.waiting.pop(self, None)
        self._greenlet.kill(_Silent, block=False)

    def handle_one_request(self) -> Any:
        """As pywsgi's own: None ends the connection, True goes on, (status, bytes) refuses."""
        try:
            if not self._receive():
                return None
        except _Refusal as refusal:
            return self._refused(refusal)
        except OSError:
            return None  # the client is gone
        self.application = self.server.application
        self.handle_one_response()
        over = self.close_connection or self.server.ending or self.rfile.closed
        return None if over else True

    def _receive(self) -> bool:
        """Read one request; False if none comes. Raises _Refusal."""
        server = self.server
        server.waiting[self] = time.monotonic()
        try:
            if not server.make_room():
                raise _Refusal(503, f"more than {server.patience.connections} connections")
            with gevent.Timeout(server.patience.idle_s, _Silent):
                if not self.rfile.peek(1):
                    return False
            with gevent.Timeout(server.patience.request_s, False):
                self._read_head()
                self._read_body()
                return True
        finally:
            server.waiting.pop(self, None)
        raise _Refusal(408, f"not complete after {server.patience.request_s:g} s")

    def _read_head(self) -> None:
        self.command = self.path = ""
        self.requestline = self.read_requestline()
        self.response_length = 0
        if len(self.requestline) >= MAX_REQUEST_LINE:
            raise _Refusal(414, f"a request line of {MAX_REQUEST_LINE} bytes and more")
        try:
            self.read_request(self.requestline)
        except LineTooLong:
            raise _Refusal(431, "a header line of more than 65536 bytes") from None
        except HTTPException as error:
            raise _Refusal(431, str(error)) from None
        except ValueError as error:
            raise _Refusal(400, str(error)) from None
        if self.request_version == "HTTP/0.9":
            raise _Refusal(400, "HTTP/0.9")
        size = sum(len(key) + len(value) + 4 for key, value in self.headers.items())
        if size > HEADER_LIMIT_BYTES:
            raise _Refusal(431, f"headers of {size} bytes; the limit is {HEADER_LIMIT_BYTES}")
        coding = self.headers.get("Transfer-Encoding", "identity").lower()
        if coding not in ("identity", "chunked"):
            raise _Refusal(501, f"transfer coding {coding[:40]!r}")

    def _read_body(self) -> None:
        self.environ = self.get_environ()
        body = self.environ["wsgi.input"]
        try:
            content = body.read(REPORT_LIMIT_BYTES + 1)
            over = len(content)
            while over > REPORT_LIMIT_BYTES and over < _DRAIN_BYTES:
                more = len(body.read(65536))
                if not more:
                    break
                over += more
        except (OSError, ValueError) as error:
            raise _Refusal(400, f"a body that is cut short or badly chunked: {error}") from None
        if over > REPORT_LIMIT_BYTES:
            raise _Refusal(413, f"a body of {over} bytes or more; limit {REPORT_LIMIT_BYTES}")
        self.environ["wsgi.input"] = io.BytesIO(content)
        if self.environ.pop("HTTP_TRANSFER_ENCODING", None):
            self.environ["CONTENT_LENGTH"] = str(len(content))

    def _refused(self, refusal: _Refusal) -> tuple[str, bytes]:
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
        return str(status), head.encode("latin-1") + body
