"""The server of both APIs: gevent's pywsgi, with limits on what its clients may take.

A connection costs a greenlet. Handlers run either in greenlets (pull, after monkey patching: a
long poll then costs a greenlet, too) or in real threads (push: SSH blocks them). Why: see
docs/decisions/0010.
"""

import logging
import signal
import socket
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, NamedTuple, TypeVar

import gevent
from bottle import Bottle
from gevent.event import Event
from gevent.pool import Pool
from gevent.pywsgi import WSGIServer
from gevent.threadpool import ThreadPool

from services.web.connection import AnsweredEarly, ClientWait, Connection, Dropped, end_longest
from services.web.exchange import log_refusal
from services.web.metrics import Metrics

_log = logging.getLogger(__name__)
# Answered in the event loop, so also while every thread waits for a node.
_AT_ONCE = frozenset({"/healthz", "/readyz", "/metrics", "/openapi.json"})
_IDLE_THREAD_S = 10
# How long running handlers get at the end. Long polls are answered at once.
_END_S = 2.0


class Patience(NamedTuple):
    """Limits of the clients of one server.

    idle_s: between two requests. request_s: to send one, first byte to last, and to take the
    answer. connections: at once. long_polls: of these; the others are for short requests.
    bodies_bytes: of all requests together that are not answered yet.
    """

    idle_s: float = 30
    request_s: float = 30
    connections: int = 2500
    long_polls: int = 2000
    bodies_bytes: int = 32 * 1024 * 1024


PATIENCE = Patience()
T = TypeVar("T")


class Server(WSGIServer):  # type: ignore[misc]
    """Serves `app` on `listener`, in the gevent hub of the thread that created it.

    threads: how many handlers run at once; None: each in the greenlet of its connection.
    metrics: counts requests that reach no app, too.
    """

    def __init__(
        self,
        app: Bottle,
        listener: socket.socket,
        *,
        threads: int | None = None,
        metrics: Metrics | None = None,
        patience: Patience = PATIENCE,
    ) -> None:
        self.patience = patience
        self.idle: dict[ClientWait, None] = {}
        self.long_polls: dict[ClientWait, None] = {}
        self.body_bytes = 0
        self.ending = False
        self.log_refusal = partial(log_refusal, metrics)
        self.connections = 0
        # Without monkey patching it would block the event loop.
        listener.setblocking(False)
        super().__init__(
            listener,
            app if threads is None else _in_threads(app, threads),
            log=None,
            error_log=None,
            spawn=Pool(),
            handler_class=Connection,
            # pywsgi would ask DNS for it.
            environ={"SERVER_NAME": listener.getsockname()[0]},
        )

    @property
    def place(self) -> tuple[str, int]:
        return str(self.address[0]), int(self.address[1])

    def make_room(self) -> bool:
        """End a wait if there are too many connections; return False if none of them waits."""
        if self.connections <= self.patience.connections:
            return True
        return end_longest(self.idle, Dropped()) or end_longest(self.long_polls, AnsweredEarly())

    def limit_long_polls(self) -> None:
        """Answer the longest waiting long poll early if one more would be too many."""
        if len(self.long_polls) >= self.patience.long_polls:
            end_longest(self.long_polls, AnsweredEarly())

    def end(self) -> None:
        """Accept nothing more; return once running handlers have ended, or after _END_S."""
        self.ending = True
        for wait in list(self.idle):
            wait.end(Dropped())
        self.stop(timeout=_END_S)


def _in_threads(app: Bottle, threads: int) -> Callable[..., Iterable[bytes]]:
    pool = ThreadPool(threads, idle_task_timeout=_IDLE_THREAD_S)

    def call(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        del environ["lab.long_poll"]  # only a greenlet can wait in the event loop
        if environ["PATH_INFO"] in _AT_ONCE:
            return app(environ, start)  # type: ignore[no-any-return]
        return in_a_thread(lambda: app(environ, start), pool)

    return call


def in_a_thread(function: Callable[[], T], pool: ThreadPool | None = None) -> T:
    """Return what `function` returns, or raise what it raises, called in a thread of `pool`.

    pool: None for the hub's own, which has ten threads.
    """
    # Not `pool or …`: a pool without tasks counts as false.
    threads = gevent.get_hub().threadpool if pool is None else pool

    # gevent prints what such a thread raises, and here it is raised again.
    def call() -> tuple[T | None, BaseException | None]:
        try:
            return function(), None
        except BaseException as error:
            return None, error

    result, error = threads.apply(call)
    if error is not None:
        raise error
    return result  # type: ignore[no-any-return]


def serve_until(
    servers: list[Server], ended: Event, release: Callable[[], None] = lambda: None
) -> None:
    """Serve with all of `servers` until `ended` is set, then end in good order.

    release: called before the servers end; answers the long polls.
    """

    def log_bug(_context: object, _kind: object, error: BaseException, _trace: object) -> None:
        _log.error("not caught: %r", error, exc_info=error)

    gevent.get_hub().print_exception = log_bug
    for server in servers:
        server.start()
    ended.wait()
    release()
    # Together: one that takes long must not keep the other one open.
    gevent.joinall([gevent.spawn(server.end) for server in servers])


def end_signal() -> Event:
    """Return an event that SIGTERM and Ctrl-C set."""
    ended = Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        gevent.signal_handler(number, ended.set)
    return ended
