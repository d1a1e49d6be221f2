"""What a server bears of its clients, and how it refuses before any app sees a request."""

from collections.abc import Callable
from typing import NamedTuple

# Eight times the longest URL that limits.py lets through.
HEADER_LIMIT_BYTES = 16 * 1024


class Patience(NamedTuple):
    """What a client may take.

    idle_s: between two requests (whole seconds). request_s: to send one request, first byte to
    last. connections: at once; beyond, those that we have waited for longest make room.
    """

    idle_s: int = 30
    request_s: float = 30
    connections: int = 900


class Refused(NamedTuple):
    """A request that reached no app. method and path: "" where they could not be read."""

    method: str
    path: str
    status: int
    sent_bytes: int
    client: str
    error: str


# Told of a refusal; returns the id of the request.
Tell = Callable[[Refused], str]

HINTS = {
    400: "send a request as HTTP/1.1 has it: curl -i URL",
    408: "send the whole request at once",
    413: "send one container, or the report of one node, a request",
    414: "names have at most 63 characters; send the rest as JSON",
    431: "send fewer or shorter headers; names in a URL have at most 63 characters",
    501: "send Content-Length, or Transfer-Encoding: chunked",
    503: "try again in a moment",
}
