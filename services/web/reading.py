"""Read one request: all of it, in time and within limits, before an app sees it.

So no handler waits for its client, and a client that sends a byte a minute disturbs no other.
"""

import io
import json
import re
from http import HTTPStatus
from typing import Any

import gevent
from gevent.pywsgi import MAX_REQUEST_LINE, OldMessage, WSGIHandler

from services.core import wire
from services.web.body import BODY_LIMIT_BYTES, REPORT_LIMIT_BYTES
from services.web.request_ids import HEADER

# Eight times the longest URL that limits.py allows; what http.client accepts.
HEADER_LIMIT_BYTES = 16 * 1024
HEADER_LIMIT = 100
_PIECE_BYTES = 8 * 1024
# Of what was received and not read yet. Every connection has such a buffer, and most only wait.
_BUFFER_BYTES = 1024

_WORD = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_REQUEST_LINE = re.compile(_WORD + r" [!-~]+ HTTP/1\.[0-9]")
_FIELD = re.compile(_WORD.encode() + b":")
_URL = re.compile(r"(?i:https?)://([^/?#@]+)([/?].*)?")
_HINTS = {
    400: "send a request as HTTP/1.1 has it: curl -i URL",
    408: "send the whole request at once",
    413: "send one container, or the report of one node, a request",
    414: "names have at most 63 characters; send the rest as JSON",
    431: "send fewer or shorter headers; names in a URL have at most 63 characters",
    501: "send Content-Length, or Transfer-Encoding: chunked",
    503: "try again in a moment",
}


class Refusal(Exception):
    """A request that no app will see."""

    def __init__(self, status: int, error: str) -> None:
        super().__init__(error)
        self.status = status


class Reading(WSGIHandler):  # type: ignore[misc]
    """What pywsgi lacks: limits on a request, and one time limit for all of it."""

    # Bytes of this request's body, counted in `server.body_bytes` until it is answered.
    body_bytes = 0

    def __init__(self, client: Any, address: Any, server: Any) -> None:
        super().__init__(client, address, server, client.makefile("rb", _BUFFER_BYTES))

    def read_whole(self) -> None:
        """Read one request. Raises Refusal, and OSError if the client has gone."""
        limit_s = self.server.patience.request_s
        with gevent.Timeout(limit_s, False):
            self._read_head()
            self._read_body()
            return
        raise Refusal(408, f"not complete after {limit_s:g} s")

    def refuse(self, refusal: Refusal) -> None:
        """Answer. The connection must be closed then: what follows on it may be anything."""
        status = HTTPStatus(refusal.status)
        error = f"{status.phrase}: {refusal}"
        body = json.dumps(wire.dump_error(error, _HINTS[status])).encode()
        request_id = self.server.log_refusal(
            method=self.command or "",
            path=(self.path or "").partition("?")[0],
            status=int(status),
            sent_bytes=len(body),
            client=str(self.client_address[0]),
            error=error,
        )
        head = (
            f"HTTP/1.1 {status} {status.phrase}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n{HEADER}: {request_id}\r\nConnection: close\r\n\r\n"
        )
        self.socket.sendall(head.encode("latin-1") + body)

    def MessageClass(self, rfile: Any, *_: Any) -> Any:  # noqa: N802 - pywsgi's name
        """Parse headers, within our limits. Raises Refusal."""
        # As pywsgi's own, but its parser is the one of e-mail: a tenth of what a request costs.
        headers = OldMessage()
        left = HEADER_LIMIT_BYTES
        while (line := rfile.readline(left + 1)) not in (b"\r\n", b"\n"):
            left -= len(line)
            if left < 0 or len(headers) == HEADER_LIMIT:
                limit = f"{HEADER_LIMIT_BYTES} bytes or {HEADER_LIMIT} lines"
                raise Refusal(431, f"headers of more than {limit}")
            # http.client accepts other lines, which a proxy might read in another way. The
            # error does not quote the line: it may contain a token.
            if not _FIELD.match(line):
                raise Refusal(400, "headers that are cut short, or one without a name")
            name, _, value = line.decode("latin-1").partition(":")
            headers[name] = value.strip()
        return headers

    def _read_head(self) -> None:
        self.command = self.path = ""
        self.response_length = 0
        # RFC 9112, 2.2: an empty line before the request line is ignored.
        line = self.read_requestline().lstrip("\r\n") or self.read_requestline()
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
        self._read_target()

    def _read_target(self) -> None:
        """Turn an absolute target into a path and its Host (RFC 9112, 3.2)."""
        if self.path.startswith("/") or self.path == "*":
            return
        url = _URL.fullmatch(self.path)
        if url is None:
            raise Refusal(400, f"target {self.path[:80]!r} is neither a path nor an http URL")
        del self.headers["Host"]
        self.headers["Host"] = url[1]
        path = url[2] or ""
        self.path = path if path.startswith("/") else f"/{path}"

    def _read_body(self) -> None:
        self.environ = self.get_environ()
        content = bytearray()
        try:
            self._check_size(self.content_length or 0)
            # Not environ's: that is the bare connection if the client asks for an upgrade.
            while piece := self.wsgi_input.read(_PIECE_BYTES):
                content += piece
                self._check_size(len(content))
                self.body_bytes += len(piece)
                self.server.body_bytes += len(piece)
                # Small ones are always taken, or a few large ones could stop every heartbeat.
                crowded = self.server.body_bytes > self.server.patience.bodies_bytes
                if crowded and len(content) > BODY_LIMIT_BYTES:
                    raise Refusal(503, "too many bodies at once")
        except (OSError, ValueError) as error:
            raise Refusal(400, f"a body that is cut short or badly chunked: {error}") from None
        self.environ["wsgi.input"] = io.BytesIO(content)
        if self.environ.pop("HTTP_TRANSFER_ENCODING", None):
            self.environ["CONTENT_LENGTH"] = str(len(content))

    def _check_size(self, size: int) -> None:
        if size > REPORT_LIMIT_BYTES:
            raise Refusal(413, f"a body of {size} bytes; the limit is {REPORT_LIMIT_BYTES}")

    def release_body(self) -> None:
        """Stop counting the body of this request."""
        self.server.body_bytes -= self.body_bytes
        self.body_bytes = 0
