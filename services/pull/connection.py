"""One connection of the state server, from its first request to its end.

It is always either's turn: the client's, who may then be dropped to make room, or ours. A request
that waits for news ends with its client.
"""

import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import gevent
from gevent.hub import get_hub

from services.pull.receiving import Receiving, Refusal

# After a refusal: what is still on its way would reset the connection before it is read.
_LINGER_S = 1.0
_READABLE = 1


class _Ended(gevent.GreenletExit):  # type: ignore[misc]
    """The client has gone, took too long, or was dropped to make room."""


class Connection(Receiving):
    """Handles the requests of one connection, one after the other.

    since_s: since when (monotonic) it waits for its client or for news; None while it does not.
    idle: whether that is for its client. dropped: whether it is about to end.
    """

    since_s: float | None = None
    idle = False
    dropped = False
    _admitted = False

    def handle(self) -> None:
        """Handle requests until either side has enough."""
        self._greenlet = gevent.getcurrent()
        # Head and body of an answer are two writes; the second must not wait for an ACK.
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.server.connections.add(self)
        try:
            super().handle()
        except _Ended:
            pass
        finally:
            self.server.connections.discard(self)

    @property
    def host(self) -> str:
        return str(self.client_address[0])

    def drop(self) -> None:
        """End it, unless it is at work by the time that this is done."""
        self.dropped = True
        get_hub().loop.run_callback(self._end)

    def handle_one_request(self) -> Any:
        """As pywsgi's own: None ends the connection, True goes on."""
        try:
            if not self._next():
                return None
            self.environ["lab.held"] = self.held
            self.application = self.server.application
            # Also a client that does not take its answer goes.
            self.socket.settimeout(self.server.patience.request_s)
            self.handle_one_response()
            self.socket.settimeout(None)
        except Refusal as refusal:
            return self._refuse(refusal)
        except OSError:
            return None  # the client has gone
        finally:
            self.let_go()
        over = self.close_connection or self.server.ending or self.rfile.closed
        return None if over else True

    @contextmanager
    def held(self) -> Iterator[None]:
        """For a wait of a handler's: ends it, and the connection, when the client goes."""
        watcher = get_hub().loop.io(self.socket.fileno(), _READABLE)
        watcher.start(self._look, watcher)
        try:
            with self._waiting():
                yield
        finally:
            watcher.stop()
            watcher.close()

    def handle_error(self, kind: Any, error: Any, trace: Any) -> None:
        """Called for what no app answered. A client that has gone is no error of ours."""
        if isinstance(error, OSError | gevent.GreenletExit):
            self.close_connection = True
        else:
            super().handle_error(kind, error, trace)

    def _next(self) -> bool:
        """Read the next request; False if none comes. Raises Refusal."""
        with self._waiting(idle=True):
            if self.server.ending:
                return False
            if not (self._admitted or self.server.make_room(self)):
                raise Refusal(503, f"more than {self.server.patience.connections} connections")
            self._admitted = True
            with gevent.Timeout(self.server.patience.idle_s, _Ended):
                if not self.rfile.peek(1):
                    return False
            self.receive()
            return True

    @contextmanager
    def _waiting(self, *, idle: bool = False) -> Iterator[None]:
        self.since_s, self.idle = time.monotonic(), idle
        try:
            yield
        finally:
            self.since_s, self.idle = None, False

    def _refuse(self, refusal: Refusal) -> None:
        with self._waiting(idle=True), suppress(OSError), gevent.Timeout(_LINGER_S, False):
            self.refuse(refusal)
            self.socket.shutdown(socket.SHUT_WR)
            while self.socket.recv(65536):
                pass

    def _look(self, watcher: Any) -> None:
        """Called in the hub when there is something to read, which may be the end."""
        try:
            gone = not self.socket._sock.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
        except BlockingIOError:
            return
        except OSError:
            gone = True
        # Else it is the next request, early; after that the end would not be seen.
        watcher.stop()
        if gone:
            self._end()

    def _end(self) -> None:
        """In the hub: nothing can happen between the question and the throw."""
        self.dropped = False
        if self.since_s is not None:
            self._greenlet.throw(_Ended)
