"""A server with a thread for each handler that runs: waitress.

Not Bottle's default server: that one is single-threaded, and one idle client blocks everybody
(bottle#752). waitress reads requests and writes answers in one event loop, so a slow or silent
client holds no thread; only running handlers do.
"""

import json
import socket
from typing import Any

import waitress
from bottle import Bottle
from waitress.channel import HTTPChannel
from waitress.server import BaseWSGIServer as Server
from waitress.task import ErrorTask

from services.core import wire
from services.observe.log import Log, TextLog
from services.web.listen import BACKLOG, announce

# Read and discarded up to here, so that the client sees our 413 and not a broken pipe.
_DRAIN_LIMIT_BYTES = 16 * 1024 * 1024
# They wait for nodes and for the disk far more than they compute.
THREADS = 32
_IDLE_S = 30


def serve(
    app: Bottle, listener: socket.socket, *, loop: dict[int, Any] | None = None
) -> Server:
    """Return the server of `app` on `listener`; its `run()` serves until `close()`.

    loop: servers given the same one are all served by the `run()` of any of them.
    `effective_port` tells which port that is.
    """
    server = waitress.create_server(
        app,
        map=loop,
        sockets=[listener],
        backlog=BACKLOG,
        threads=THREADS,
        connection_limit=1000,
        channel_timeout=_IDLE_S,
        max_request_body_size=_DRAIN_LIMIT_BYTES,
        clear_untrusted_proxy_headers=True,
        ident="pushpull-lab",
    )
    server.channel_class = _JsonChannel
    return server


def ready(servers: list[Server], log: Log | None = None) -> None:
    """Say where `servers` listen, to systemd and in `log`."""
    announce([(s.effective_host, s.effective_port) for s in servers], log or TextLog())


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
