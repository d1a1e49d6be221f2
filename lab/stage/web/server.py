"""Serve the page: its files, one stream of events for each page, and what a person does there."""

import json
import secrets
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from bottle import Bottle, HTTPError, HTTPResponse, request, response, static_file

from lab.errors import LabBusy
from lab.stage.board import Board
from lab.stage.source import MOST_SPEED
from lab.stage.web.guard import guarded, is_token
from services.core import wire
from services.core.errors import LabError
from services.core.fields import as_object, decode

PAGE = Path(__file__).parent / "page"
_BODY_BYTES = 4096
_WAIT_S = 5.0
_AGAIN = b"retry: 1000\n\n"


class Breaks(Protocol):
    """What the page may break; see lab.stage.control."""

    def command(self, fault: str, target: str, options: Mapping[str, str]) -> str:
        """Return what a person would type. Raises LabError."""

    def strike(self, fault: str, target: str, options: Mapping[str, str]) -> str:
        """Do it, and return the command. Raises LabError; LabBusy while another command acts."""


class Moves(Protocol):
    """A replay, which a person may move."""

    def move(self, at_s: float | None, paused: bool | None, speed: float | None) -> None: ...


class Parts(NamedTuple):
    """What is served. breaks: None: the page is for looking; replay: None: it is live."""

    board: Board
    token: str
    breaks: Breaks | None = None
    replay: Moves | None = None


def new_token() -> str:
    """Return a token for one server, for its URL."""
    return secrets.token_urlsafe(18)


def make_app(parts: Parts) -> Callable[..., Any]:
    """Return the WSGI app."""
    app = Bottle()
    app.install(_lab_errors)
    app.default_error_handler = _http_error
    app.get("/", callback=lambda: _page(parts))
    app.get("/page/<name:path>", callback=lambda name: static_file(name, root=str(PAGE)))
    app.get("/stream", callback=lambda: _stream(parts))
    app.post("/replay", callback=lambda: _replay(parts))
    app.get("/chaos", callback=lambda: _command(parts))
    app.post("/chaos", callback=lambda: _strike(parts))
    return guarded(app)


def _page(parts: Parts) -> Any:
    _check_token(parts)
    return static_file("index.html", root=str(PAGE))


def _stream(parts: Parts) -> Iterator[bytes]:
    _check_token(parts)
    response.content_type = "text/event-stream; charset=utf-8"
    return _events(parts.board, request.get_header("Last-Event-ID", ""))


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


def _replay(parts: Parts) -> Any:
    _check_token(parts)
    if parts.replay is None:
        raise _refused(404, "this is no replay", "lab stage --replay RUN plays a recorded run")
    fields = _body()
    at_s, speed = (
        _number(fields, key, most) for key, most in (("at_s", 1e7), ("speed", MOST_SPEED))
    )
    paused = fields.get("paused")
    if paused is not None and not isinstance(paused, bool):
        raise LabError("'paused' must be true or false", hint='send {"paused": true}')
    if speed is not None and speed < 0.1:
        raise LabError("'speed' must be at least 0.1", hint='send {"speed": 1}')
    parts.replay.move(at_s, paused, speed)
    return {}


def _command(parts: Parts) -> Any:
    breaks = _breaks(parts)
    query = request.query
    options = {k: v for k, v in query.items() if k not in ("fault", "target", "token")}
    return {"command": breaks.command(query.get("fault", ""), query.get("target", ""), options)}


def _strike(parts: Parts) -> Any:
    breaks = _breaks(parts)
    fields = _body()
    options = as_object(fields.get("options", {}))
    words = [fields.get("fault"), fields.get("target", ""), *options.values()]
    if not all(isinstance(word, str) for word in words):
        raise LabError(
            "fault, target and options must be texts",
            hint='send {"fault": "cut", "target": "node1"}',
        )
    return {"command": breaks.strike(fields["fault"], fields.get("target", ""), options)}


def _breaks(parts: Parts) -> Breaks:
    _check_token(parts)
    if parts.breaks is None:
        raise _refused(403, "this page is for looking", "lab stage --control lets it break things")
    return parts.breaks


def _check_token(parts: Parts) -> None:
    """The token is in the URL of the page and of its stream, and in a header of what acts."""
    query = request.query.get("token", "") if request.method == "GET" else ""
    if not is_token(parts.token, request.get_header("X-Token", "") or query):
        raise _refused(403, "the token is wrong or missing", "open the URL that lab stage printed")


def _body() -> dict[str, Any]:
    if request.content_length > _BODY_BYTES:
        raise _refused(413, f"the body is longer than {_BODY_BYTES} bytes", "send less")
    if request.content_type.split(";")[0].strip().lower() != "application/json":
        raise _refused(415, "the body is not JSON", "send Content-Type: application/json")
    try:
        return as_object(decode(request.body.read()))
    except ValueError as error:
        raise LabError(f"the body is not JSON: {error}", hint="send an object") from None


def _number(fields: Mapping[str, Any], key: str, most: float) -> float | None:
    value = fields.get(key)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= most:
        raise LabError(f"{key!r} must be a number from 0 to {most:g}", hint=f'send {{"{key}": 1}}')
    return float(value)


def _refused(status: int, error: str, hint: str) -> HTTPResponse:
    return HTTPResponse(wire.dump_error(error, hint), status=status)


def _lab_errors(callback: Callable[..., Any]) -> Callable[..., Any]:
    """Bottle plugin: answer a LabError with its message, its hint and its status."""

    def wrapper(*args: Any, **kwargs: Any) -> Any:
        try:
            return callback(*args, **kwargs)
        except LabError as error:
            status = 409 if isinstance(error, LabBusy) else 400
            return _refused(status, str(error), error.hint)

    return wrapper


def _http_error(error: HTTPError) -> str:
    """Bottle's own errors (no such route, a bug of ours) as JSON."""
    response.content_type = "application/json"
    return json.dumps(wire.dump_error(str(error.body)))
