"""A server in which whoever waits costs a greenlet: gevent's pywsgi, with our patience.

One thread runs all handlers; see docs/decisions/0006 for why. Whatever blocks in the kernel must
be done elsewhere (gevent's thread pool), or everybody waits.
"""

import socket
from collections.abc import Callable

import gevent
from bottle import Bottle
from gevent.event import Event
from gevent.pool import Pool
from gevent.pywsgi import WSGIServer

from services.observe.log import Log
from services.observe.metrics import Metrics
from services.observe.watch import tell_refusal
from services.pull.connection import Connection
from services.web.patience import Patience, Refused

# A thousand agents that hold their watch, and as many that come back at the same moment.
PATIENCE = Patience(connections=2500)
# Silence is counted in tenths of a second; to look more often would be for nothing.
_SOONEST_S = 0.05
# How long running handlers get at the end. Those that wait for news are let go at once.
_END_S = 2.0


class Server(WSGIServer):  # type: ignore[misc]
    """Serves `app` on `listener`. log, metrics: told of requests that reach no app."""

    def __init__(
        self,
        app: Bottle,
        listener: socket.socket,
        *,
        log: Log,
        metrics: Metrics,
        patience: Patience = PATIENCE,
    ) -> None:
        self.patience = patience
        # Connections that wait for their client, and since when (monotonic).
        self.waiting: dict[Connection, float] = {}
        self.ending = False
        self._tell: Callable[[Refused], str] = lambda refused: tell_refusal(
            log, metrics, **refused._asdict()
        )
        super().__init__(
            listener, app, log=None, error_log=None, spawn=Pool(), handler_class=Connection
        )

    @property
    def place(self) -> tuple[str, int]:
        return str(self.address[0]), int(self.address[1])

    def refused(self, refused: Refused) -> str:
        """Tell of a refusal; return the id of the request."""
        return self._tell(refused)

    def make_room(self) -> bool:
        """Drop who was waited for longest if there are too many; False if nobody is waited for."""
        if len(self.pool) <= self.patience.connections:
            return True
        # The newest one has not had its chance yet.
        oldest = min(self.waiting, key=lambda one: self.waiting[one], default=None)
        if oldest is None:
            return False
        oldest.drop()
        return True

    def end(self) -> None:
        """Take no more requests; return once those that were taken are answered, or in a while."""
        self.ending = True
        for connection in list(self.waiting):
            connection.drop()
        self.stop(timeout=_END_S)


def serve_until(servers: list[Server], ended: Event, release: Callable[[], None]) -> None:
    """Serve with all of `servers` until `ended` is set, call `release`, and end well."""
    for server in servers:
        server.start()
    ended.wait()
    release()
    # Together: one that takes long must not keep the other one open.
    gevent.joinall([gevent.spawn(server.end) for server in servers])


def judge_for_ever(judge: Callable[[], float], at_most_s: float) -> None:
    """Call `judge` whenever it is due by its own word, at the latest after at_most_s."""
    while True:
        due_s = judge()
        gevent.sleep(min(max(due_s, _SOONEST_S), at_most_s))
