"""What both APIs share of HTTP: JSON in, JSON errors out, and a server for many clients.

waitress, not Bottle's default server: that one is single-threaded, and one idle client
blocks everybody (bottle#752). waitress reads requests and writes answers in one event loop,
so a slow or silent client holds no thread; only running handlers do.
"""

import argparse
import json
import socket
import sys
from collections.abc import Callable, Mapping
from typing import Any

import waitress
from bottle import Bottle, HTTPError, HTTPResponse, request, response
from waitress.channel import HTTPChannel
from waitress.server import BaseWSGIServer
from waitress.task import ErrorTask

from services.core import wire
from services.core.address import Address, BadAddress, parse_address
from services.core.errors import BadName, BadShape, LabError, UnknownImage
from services.notify import notify

BODY_LIMIT_BYTES = 64 * 1024
# What a node says of itself: about 100 bytes a container.
REPORT_LIMIT_BYTES = 1024 * 1024
# Read and discarded up to here, so that the client sees our 413 and not a broken pipe.
_DRAIN_LIMIT_BYTES = 16 * 1024 * 1024
# They wait for nodes and for the disk far more than they compute.
THREADS = 32
_BACKLOG = 1024
_IDLE_S = 30

# Both APIs answer these with 400; each adds its own.
BAD_INPUT: dict[type[LabError], int] = {BadShape: 400, BadName: 400, UnknownImage: 400}


def make_bottle(status: Mapping[type[LabError], int], *, hint: str = "") -> Bottle:
    """Return an app with `GET /healthz` whose every error is JSON: {"error", "hint"}.

    status: LabError class -> HTTP status; 500 for classes that neither it nor BAD_INPUT names.
    hint: for whoever asks for a route that there is not.
    """
    app = Bottle()
    app.install(_lab_errors({**BAD_INPUT, **status}))
    app.default_error_handler = lambda error: _http_error(error, hint)
    app.get("/healthz", callback=lambda: {"status": "ok"})
    return app


def read_json(limit_bytes: int = BODY_LIMIT_BYTES) -> Any:
    """Return the decoded body of the current request.

    Answers 413 for more than `limit_bytes`, 415 for another content type, and 400 for what is
    not JSON.
    """
    if request.content_length > limit_bytes:
        raise _refusal(
            413,
            f"body of {request.content_length} bytes; the limit is {limit_bytes}",
            "send one container, or the report of one node, a request",
        )
    if request.content_type.split(";")[0].strip().lower() != "application/json":
        raise _refusal(
            415,
            f"content type {request.content_type!r} is not JSON",
            "add the header Content-Type: application/json",
        )
    try:
        return json.loads(request.body.read())
    except (ValueError, RecursionError) as error:
        raise _refusal(400, f"the body is not JSON: {error}", wire.EXAMPLE) from None


def listen_address(text: str) -> Address:
    """The type of an argparse option ADDRESS:PORT; its error message says what is wrong."""
    try:
        return parse_address(text)
    except BadAddress as error:
        raise argparse.ArgumentTypeError(f"{error}; {error.hint}") from None


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens on `host`:`port`, for `serve`; until then clients wait.

    A name with several addresses means its first one. Port 0 takes a free one.
    Raises CannotListen.
    """
    try:
        family, *_, place = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        return socket.create_server(place[:2], family=family, backlog=_BACKLOG)
    except (OSError, UnicodeError) as error:
        detail = getattr(error, "strerror", "") or str(error)
        # create_server appends the address once more.
        raise CannotListen(host, port, detail.partition(" (while ")[0]) from None


def serve(
    app: Bottle, listener: socket.socket, *, loop: dict[int, Any] | None = None
) -> BaseWSGIServer:
    """Return the server of `app` on `listener`; its `run()` serves until `close()`.

    loop: servers given the same one are all served by the `run()` of any of them.
    `effective_port` tells which port that is.
    """
    server = waitress.create_server(
        app,
        map=loop,
        sockets=[listener],
        backlog=_BACKLOG,
        threads=THREADS,
        connection_limit=1000,
        channel_timeout=_IDLE_S,
        max_request_body_size=_DRAIN_LIMIT_BYTES,
        clear_untrusted_proxy_headers=True,
        ident="pushpull-lab",
    )
    server.channel_class = _JsonChannel
    return server


def ready(servers: list[BaseWSGIServer]) -> None:
    """Say where `servers` listen, to systemd and on standard error."""
    places = ", ".join(f"http://{s.effective_host}:{s.effective_port}" for s in servers)
    print(f"listening on {places}", file=sys.stderr, flush=True)
    notify(f"READY=1\nSTATUS=listening on {places}")


class CannotListen(LabError):
    """An address that is not ours, or a port that somebody holds."""

    def __init__(self, host: str, port: int, detail: str) -> None:
        super().__init__(
            f"cannot listen on {host}:{port}: {detail}",
            hint=f"see who holds it (ss -ltnp 'sport = :{port}') or choose another address or port",
        )
        self.host = host
        self.port = port


class _JsonErrorTask(ErrorTask):  # type: ignore[misc]
    """waitress' own refusals (bad request line, oversized headers) in the shape of ours."""

    def execute(self) -> None:
        error = self.request.error
        body = json.dumps(wire.dump_error(f"{error.reason}: {error.body}")).encode()
        self.status = f"{error.code} {error.reason}"
        self.response_headers += [
            ("Content-Type", "application/json"),
            ("Content-Length", str(len(body))),
            ("Connection", "close"),
        ]
        self.close_on_finish = True
        self.content_length = len(body)
        self.write(body)


class _JsonChannel(HTTPChannel):  # type: ignore[misc]
    error_task_class = _JsonErrorTask


def _lab_errors(status: Mapping[type[LabError], int]) -> Callable[..., Any]:
    """Bottle plugin: answer a LabError with its message, its hint and its status."""

    def plugin(callback: Callable[..., Any]) -> Callable[..., Any]:
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            try:
                return callback(*args, **kwargs)
            except LabError as error:
                body = wire.dump_error(str(error), error.hint)
                return HTTPResponse(body, status=status.get(type(error), 500))

        return wrapper

    return plugin


def _http_error(error: HTTPError, hint: str) -> str:
    """Bottle's own errors (no such route, a bug of ours) in the shape clients expect."""
    if error.exception is not None:
        print(f"{request.method} {request.path}: {error.exception!r}", file=sys.stderr)
    response.content_type = "application/json"
    no_route = error.status_code in (404, 405)
    return json.dumps(wire.dump_error(str(error.body), hint if no_route else ""))


def _refusal(status: int, error: str, hint: str) -> HTTPResponse:
    return HTTPResponse(wire.dump_error(error, hint), status=status)
