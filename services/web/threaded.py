"""A server with a thread for each handler that runs: waitress.

Not Bottle's default server: that one is single-threaded, and one idle client blocks everybody
(bottle#752). waitress reads requests and writes answers in one event loop, so a slow or silent
client holds no thread; only running handlers do.
"""

import socket
from functools import partial
from typing import Any

import waitress
from bottle import Bottle
from waitress.server import BaseWSGIServer as BaseWSGIServer

from services.web.channel import Channel
from services.web.exchange import log_refusal
from services.web.listen import BACKLOG, announce
from services.web.metrics import Metrics
from services.web.patience import HEADER_LIMIT_BYTES, Patience, Refused

# Read and discarded up to here, so that the client sees our 413 or 431 and not a broken pipe.
_DRAIN_BODY_BYTES = 16 * 1024 * 1024
_DRAIN_HEADER_BYTES = 4 * HEADER_LIMIT_BYTES
# They wait for nodes and for the disk far more than they compute.
THREADS = 32
PATIENCE = Patience()


def serve(
    app: Bottle,
    listener: socket.socket,
    *,
    loop: dict[int, Any] | None = None,
    patience: Patience = PATIENCE,
    threads: int = THREADS,
    metrics: Metrics | None = None,
) -> BaseWSGIServer:
    """Return the server of `app` on `listener`; its `run()` serves until `close()`.

    threads: how many handlers run at once.
    loop: servers given the same one are all served by the `run()` of any of them.
    metrics: counts requests that reach no app. The server's `effective_port` is its port.
    """
    server = waitress.create_server(
        app,
        map=loop,
        sockets=[listener],
        backlog=BACKLOG,
        threads=threads,
        # Beyond this waitress accepts nobody; channels make room before that. systemd allows a
        # service 1024 descriptors, and there are others.
        connection_limit=patience.connections + 64,
        channel_timeout=patience.idle_s,
        cleanup_interval=max(1, patience.idle_s // 4),
        # select() knows no descriptor above 1023.
        asyncore_use_poll=True,
        max_request_header_size=_DRAIN_HEADER_BYTES,
        max_request_body_size=_DRAIN_BODY_BYTES,
        clear_untrusted_proxy_headers=True,
        ident="pushpull-lab",
    )

    def tell(refused: Refused) -> str:
        return log_refusal(metrics, **refused._asdict())

    server.channel_class = partial(Channel, patience, tell)
    return server


def ready(servers: list[BaseWSGIServer]) -> None:
    """Tell systemd and the log where `servers` listen."""
    announce([(s.effective_host, s.effective_port) for s in servers])
