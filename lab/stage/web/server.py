"""Serve the page of the stage, and what a person does there."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Protocol

from bottle import request

from lab.stage.board import Board
from lab.stage.source import MOST_SPEED
from lab.stage.web.answers import body, check_token, page_app, refused
from lab.stage.web.guard import guarded
from services.core.errors import LabError
from services.core.fields import as_object


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


def make_app(parts: Parts) -> Callable[..., Any]:
    """Return the WSGI app."""
    app = page_app("index.html", parts.token, parts.board)
    app.post("/replay", callback=lambda: _replay(parts))
    app.get("/chaos", callback=lambda: _command(parts))
    app.post("/chaos", callback=lambda: _strike(parts))
    return guarded(app)


def _replay(parts: Parts) -> Any:
    check_token(parts.token)
    if parts.replay is None:
        raise refused(404, "this is no replay", "lab stage --replay RUN plays a recorded run")
    fields = body()
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
    fields = body()
    options = as_object(fields.get("options", {}))
    words = [fields.get("fault"), fields.get("target", ""), *options.values()]
    if not all(isinstance(word, str) for word in words):
        raise LabError(
            "fault, target and options must be texts",
            hint='send {"fault": "cut", "target": "node1"}',
        )
    return {"command": breaks.strike(fields["fault"], fields.get("target", ""), options)}


def _breaks(parts: Parts) -> Breaks:
    check_token(parts.token)
    if parts.breaks is None:
        raise refused(403, "this page is for looking", "lab stage --control lets it break things")
    return parts.breaks


def _number(fields: Mapping[str, Any], key: str, most: float) -> float | None:
    value = fields.get(key)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= most:
        raise LabError(f"{key!r} must be a number from 0 to {most:g}", hint=f'send {{"{key}": 1}}')
    return float(value)
