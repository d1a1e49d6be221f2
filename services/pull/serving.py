"""A server in which whoever waits costs a greenlet: gevent's pywsgi, with our patience.

One thread runs all handlers; see docs/decisions/0006 for why. Whatever blocks in the kernel must
be done elsewhere (gevent's thread pool), or everybody waits.
"""

import socket
from collections import Counter
from collections.abc import Callable
from typing import NamedTuple, TypeVar

import gevent
from bottle import Bottle
from gevent.event import Event
from gevent.pool import Pool
from gevent.pywsgi import WSGIServer

from services.pull.connection import Connection
from services.web.exchange import log_refusal
from services.web.metrics import Metrics
from services.web.patience import Refused

# How long running handlers get at the end. Those that wait for news are let go at once.
_END_S = 2.0


class Patience(NamedTuple):
    """What the clients of one realm may take.

    idle_s: between two requests. request_s: to send one, first byte to last, and to take the
    answer. connections: at once; a thousand agents that hold their watch, and as many that come
    back at the same moment. bodies_bytes: of all requests together that are on their way.
    """

    idle_s: float = 30
    request_s: float = 30
    connections: int = 2500
    bodies_bytes: int = 32 * 1024 * 1024


PATIENCE = Patience()
T = TypeVar("T")


class Server(WSGIServer):  # type: ignore[misc]
    """Serves `app` on `listener`. metrics: counts requests that reach no app."""

    def __init__(
        self,
        app: Bottle,
        listener: socket.socket,
        *,
        metrics: Metrics,
        patience: Patience = PATIENCE,
    ) -> None:
        self.patience = patience
        self.connections: set[Connection] = set()
        self.kept_bytes = 0
        self.ending = False
        self._metrics = metrics
        super().__init__(
            listener, app, log=None, error_log=None, spawn=Pool(), handler_class=Connection
        )

    @property
    def place(self) -> tuple[str, int]:
        return str(self.address[0]), int(self.address[1])

    def refused(self, refused: Refused) -> str:
        """Count and log a refusal; return the id of the request."""
        return log_refusal(self._metrics, **refused._asdict())

    def make_room(self, newcomer: Connection) -> bool:
        """Drop a connection if there are too many; False if `newcomer` must go instead.

        Whoever has the most of them gives one up: the one whose client was waited for longest,
        else, unless it is the newcomer's own host, the one that waits for news for longest.
        """
        if len(self.connections) <= self.patience.connections:
            return True
        staying = [one for one in self.connections if not one.dropped]
        if len(staying) <= self.patience.connections:
            return True
        hosts = Counter(one.host for one in staying)
        most = max(hosts.values())
        theirs = [one for one in staying if hosts[one.host] == most and one is not newcomer]
        waiting = [one for one in theirs if one.idle]
        if not waiting and hosts[newcomer.host] < most:
            waiting = [one for one in theirs if one.since_s is not None]
        if waiting:
            min(waiting, key=lambda one: one.since_s or 0.0).drop()
        return bool(waiting)

    def end(self) -> None:
        """Take no more requests; return once those that were taken are answered, or in a while."""
        self.ending = True
        for connection in self.connections:
            if connection.idle:
                connection.drop()
        self.stop(timeout=_END_S)


def in_a_thread(function: Callable[[], T], /) -> T:
    """Return what `function` returns, called in a thread of the kernel's, where it may block."""

    # gevent prints what such a thread raises, and here it is raised again.
    def call() -> tuple[T | None, BaseException | None]:
        try:
            return function(), None
        except BaseException as error:
            return None, error

    result, error = gevent.get_hub().threadpool.apply(call)
    if error is not None:
        raise error
    return result  # type: ignore[no-any-return]


def serve_until(servers: list[Server], ended: Event, release: Callable[[], None]) -> None:
    """Serve with all of `servers` until `ended` is set, call `release`, and end well."""
    for server in servers:
        server.start()
    ended.wait()
    release()
    # Together: one that takes long must not keep the other one open.
    gevent.joinall([gevent.spawn(server.end) for server in servers])
