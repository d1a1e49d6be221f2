"""The body of the current request, decoded or refused."""

from typing import Any

from bottle import HTTPResponse, request

from services.core import wire
from services.core.fields import decode
from services.web import exchange

BODY_LIMIT_BYTES = 64 * 1024
# What a node says of itself: about 100 bytes a container.
REPORT_LIMIT_BYTES = 1024 * 1024


def read_json(limit_bytes: int = BODY_LIMIT_BYTES) -> Any:
    """Return the decoded body of the current request.

    Answers 413 for more than `limit_bytes`, 415 for another content type, and 400 for what is
    not JSON.
    """
    if request.content_length > limit_bytes:
        raise refusal(
            413,
            f"body of {request.content_length} bytes; the limit is {limit_bytes}",
            "send one container, or the report of one node, a request",
        )
    if request.content_type.split(";")[0].strip().lower() != "application/json":
        raise refusal(
            415,
            f"content type {request.content_type!r} is not JSON",
            "add the header Content-Type: application/json",
        )
    try:
        return decode(request.body.read())
    except ValueError as error:
        raise refusal(400, f"the body is not JSON: {error}", wire.EXAMPLE) from None


def sent(header: str) -> str | None:
    """Return a header of the current request as it was sent, in Latin-1; None without it.

    Bottle's own way to ask raises an error for what is not UTF-8.
    """
    value: str | None = request.environ.get(f"HTTP_{header.upper().replace('-', '_')}")
    return value


def refusal(status: int, error: str, hint: str, **headers: str) -> HTTPResponse:
    """Return an answer of `status` that says what is wrong and what to do; raise or return it."""
    note(error=error)
    return HTTPResponse(wire.dump_error(error, hint), status=status, **headers)


def note(**facts: object) -> None:
    """Add `facts` (such as node=...) to the log line of the current request."""
    exchange.note(request.environ, **facts)
