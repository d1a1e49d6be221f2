"""What the servers of all pages share: the token, streams, bodies, and refusals as JSON."""

import json
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from bottle import Bottle, HTTPError, HTTPResponse, request, response, static_file

from lab.errors import LabBusy
from lab.stage.board import Board
from lab.stage.web.guard import is_token
from services.core import wire
from services.core.errors import LabError
from services.core.fields import as_object, decode

PAGE = Path(__file__).parent / "page"
_BODY_BYTES = 4096
_WAIT_S = 5.0
_AGAIN = b"retry: 1000\n\n"


def new_token() -> str:
    """Return a token for one server, for its URL."""
    return secrets.token_urlsafe(18)


def page_app(file: str, token: str, board: Board) -> Bottle:
    """Return an app of one page, its files and its stream of events."""

    def page() -> Any:
        check_token(token)
        return static_file(file, root=str(PAGE))

    def stream() -> Iterator[bytes]:
        check_token(token)
        response.content_type = "text/event-stream; charset=utf-8"
        return _events(board, request.get_header("Last-Event-ID", ""))

    app = Bottle()
    app.install(_lab_errors)
    app.default_error_handler = _http_error
    app.get("/", callback=page)
    app.get("/page/<name:path>", callback=lambda name: static_file(name, root=str(PAGE)))
    app.get("/stream", callback=stream)
    return app


def _events(board: Board, seen: str) -> Iterator[bytes]:
    """Yield events until the board is closed; a page that goes away ends it, too."""
    yield _AGAIN
    while not board.closed:
        event = board.next(seen, _WAIT_S)
        if event is None:
            # A page that is gone is noticed only when something is sent.
            yield b": still here\n\n"
        else:
            seen = event.id
            yield event.text


def check_token(token: str) -> None:
    """The token is in the URL of the page and of its stream, and in a header of what acts."""
    query = request.query.get("token", "") if request.method == "GET" else ""
    if not is_token(token, request.get_header("X-Token", "") or query):
        raise refused(403, "the token is wrong or missing", "open the URL that lab stage printed")


def body() -> dict[str, Any]:
    """Return the JSON object that was sent. Raises LabError."""
    try:
        length = request.content_length
    except ValueError:
        raise LabError("Content-Length is no number", hint="leave it to the client") from None
    if length > _BODY_BYTES:
        raise refused(413, f"the body is longer than {_BODY_BYTES} bytes", "send less")
    if request.content_type.split(";")[0].strip().lower() != "application/json":
        raise refused(415, "the body is not JSON", "send Content-Type: application/json")
    try:
        return as_object(decode(request.body.read()))
    except ValueError as error:
        raise LabError(f"the body is not JSON: {error}", hint="send an object") from None


def refused(status: int, error: str, hint: str) -> HTTPResponse:
    """Return the answer to what is not done."""
    return HTTPResponse(wire.dump_error(error, hint), status=status)


def _lab_errors(callback: Callable[..., Any]) -> Callable[..., Any]:
    """Bottle plugin: answer a LabError with its message, its hint and its status."""

    def wrapper(*args: Any, **kwargs: Any) -> Any:
        try:
            return callback(*args, **kwargs)
        except LabError as error:
            return refused(409 if isinstance(error, LabBusy) else 400, str(error), error.hint)

    return wrapper


def _http_error(error: HTTPError) -> str:
    """Bottle's own errors (no such route, a bug of ours) as JSON."""
    response.content_type = "application/json"
    return json.dumps(wire.dump_error(str(error.body)))
