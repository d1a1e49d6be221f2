"""A Bottle whose every answer has a request id and whose every error is JSON."""

import json
import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from bottle import Bottle, HTTPError, HTTPResponse, request, response

from services.core import wire
from services.core.errors import BadName, BadShape, LabError, UnknownImage
from services.web.body import note
from services.web.exchange import Environ, instrument
from services.web.limits import limited
from services.web.metrics import Metrics

_log = logging.getLogger(__name__)

# Both APIs answer these with 400; each adds its own.
BAD_INPUT: dict[type[LabError], int] = {BadShape: 400, BadName: 400, UnknownImage: 400}


def make_bottle(
    status: Mapping[type[LabError], int],
    *,
    hint: str = "",
    metrics: Metrics | None = None,
    healthz: bool = True,
) -> Bottle:
    """Return an app whose every error is JSON: {"error", "hint"}.

    status: LabError class -> HTTP status, of its subclasses, too; 500 for classes that neither it
    nor BAD_INPUT names.
    hint: of the answer to a request for a route that does not exist.
    metrics: counts requests.
    healthz: whether there is `GET /healthz`.
    """
    app = Bottle()
    app.install(_lab_errors({**BAD_INPUT, **status}))
    app.default_error_handler = lambda error: _http_error(error, hint)
    if healthz:
        app.get("/healthz", callback=lambda: {"status": "ok"})
    # Bottle calls this attribute for every request, so every server serves all of it.
    app.wsgi = instrument(limited(app.wsgi), metrics, _route)
    return app


def add_metrics(app: Bottle, metrics: Metrics, refresh: Callable[[], None] | None = None) -> None:
    """Add `GET /metrics`. refresh: sets what is only worth knowing at a scrape."""

    @app.get("/metrics")  # type: ignore[untyped-decorator]
    def show() -> HTTPResponse:
        if refresh is not None:
            refresh()
        return HTTPResponse(metrics.expose(), 200, {"Content-Type": metrics.content_type})


def add_ready(app: Bottle, check: Callable[[], None]) -> None:
    """Add `GET /readyz`: 503 with the LabError that `check` raises, 200 if it raises none."""

    @app.get("/readyz")  # type: ignore[untyped-decorator]
    def ready() -> Any:
        try:
            check()
        except LabError as error:
            note(error=str(error))
            return HTTPResponse(wire.dump_error(str(error), error.hint), status=503)
        return {"status": "ready"}


def add_document(app: Bottle, document: Path) -> None:
    """Add `GET /openapi.json`: the file `document` as it is now."""
    content = document.read_bytes()

    @app.get("/openapi.json")  # type: ignore[untyped-decorator]
    def show() -> HTTPResponse:
        return HTTPResponse(content, 200, {"Content-Type": "application/json"})


def _lab_errors(status: Mapping[type[LabError], int]) -> Callable[..., Any]:
    """Bottle plugin: answer a LabError with its message, its hint and its status."""

    def plugin(callback: Callable[..., Any]) -> Callable[..., Any]:
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            try:
                return callback(*args, **kwargs)
            except LabError as error:
                note(error=str(error))
                if isinstance(node := getattr(error, "node", None), str):
                    note(node=node)
                body = wire.dump_error(str(error), error.hint)
                known = (status[kind] for kind in type(error).__mro__ if kind in status)
                return HTTPResponse(body, status=next(known, 500))

        return wrapper

    return plugin


def _http_error(error: HTTPError, hint: str) -> str:
    """Bottle's own errors (no such route, a bug of ours) in the shape clients expect."""
    if error.exception is not None:
        # The path as a literal, because a line feed in it would forge a line of the log.
        what = (request.method, request.path, error.exception)
        _log.error("%s %r: %r", *what, exc_info=error.exception)
    note(error=str(error.body))
    response.content_type = "application/json"
    return json.dumps(wire.dump_error(str(error.body), _next_step(error, hint)))


def _next_step(error: HTTPError, hint: str) -> str:
    if error.status_code == 405:
        return f"this path takes {response.get_header('Allow')}" + (f"; {hint}" if hint else "")
    return hint if error.status_code == 404 else ""


def _route(environ: Environ) -> str:
    matched = environ.get("bottle.route")
    return str(matched.rule) if matched else ""
