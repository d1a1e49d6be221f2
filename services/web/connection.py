"""One connection, from its first request to its end.

While it waits for its client the server may drop it to make room. While a handler waits for news
(a long poll), the server may answer it early.
"""

import socket
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from operator import attrgetter
from typing import Any

import gevent
from gevent.hub import get_hub

from services.web.reading import Reading, Refusal

# After a refusal: bytes still on their way would reset the connection before it is read.
_LINGER_S = 1.0
_READABLE = 1


class Dropped(gevent.GreenletExit):  # type: ignore[misc]
    """The connection must end: its client has gone or was silent, or others need the room."""


class AnsweredEarly(BaseException):
    """A long poll must end because too many wait."""


class ClientWait:
    """A block in which a connection waits, and which others may end."""

    def __init__(self, waits: dict["ClientWait", None], host: str) -> None:
        """waits: all waits of the same kind, the longest waiting first."""
        self.host = host
        self._waits = waits
        self._greenlet = gevent.getcurrent()
        self._over = False

    def __enter__(self) -> None:
        self._waits[self] = None

    def __exit__(self, *_: object) -> None:
        self._waits.pop(self, None)
        self._over = True

    def end(self, error: BaseException) -> None:
        """Raise `error` in the block, unless it is over by then."""
        self._waits.pop(self, None)
        # In the hub, where nothing can happen between the question and the throw.
        get_hub().loop.run_callback(self._throw, error)

    def _throw(self, error: BaseException) -> None:
        if not self._over:
            self._over = True
            self._greenlet.throw(error)


def end_longest(waits: dict[ClientWait, None], error: BaseException) -> bool:
    """End the longest wait of the host that has the most; return False if there is none."""
    hosts = Counter(map(attrgetter("host"), waits))
    if not hosts:
        return False
    ((host, _),) = hosts.most_common(1)
    next(wait for wait in waits if wait.host == host).end(error)
    return True


class Connection(Reading):
    """Handles the requests of one connection, one after the other."""

    _admitted = False

    def handle(self) -> None:
        """Handle requests until either side ends the connection."""
        # Head and body of an answer are two writes; the second must not wait for an ACK.
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.server.connections += 1
        try:
            super().handle()
        except Dropped:
            pass
        finally:
            self.server.connections -= 1

    def handle_one_request(self) -> Any:
        """As pywsgi's own: None ends the connection, True goes on."""
        try:
            if not self._next():
                return None
            self._answer()
        except Refusal as refusal:
            return self._refuse(refusal)
        except OSError:
            return None  # the client has gone
        finally:
            self.release_body()
        over = self.close_connection or self.server.ending or self.rfile.closed
        return None if over else True

    def handle_error(self, kind: Any, error: Any, trace: Any) -> None:
        """Called for what no app answered. A client that has gone is not our error."""
        if isinstance(error, OSError | gevent.GreenletExit):
            self.close_connection = True
        else:
            super().handle_error(kind, error, trace)

    @contextmanager
    def long_poll(self) -> Iterator[None]:
        """For a handler that waits for news; the block ends early if too many wait.

        If the client goes, handler and connection end.
        """
        watcher = get_hub().loop.io(self.socket.fileno(), _READABLE)
        wait = self._wait(self.server.long_polls)
        watcher.start(self._look, watcher, wait)
        try:
            self.server.limit_long_polls()
            with suppress(AnsweredEarly), wait:
                yield
        finally:
            watcher.stop()
            watcher.close()

    def _wait(self, waits: dict[ClientWait, None]) -> ClientWait:
        return ClientWait(waits, str(self.client_address[0]))

    def _next(self) -> bool:
        """Read the next request; False if none comes. Raises Refusal, Dropped, OSError."""
        if self.server.ending:
            return False
        if not (self._admitted or self.server.make_room()):
            raise Refusal(503, f"more than {self.server.patience.connections} connections")
        self._admitted = True
        with self._wait(self.server.idle):
            with gevent.Timeout(self.server.patience.idle_s, Dropped()):
                if not self.rfile.peek(1):
                    return False
            self.read_whole()
        return True

    def _answer(self) -> None:
        self.environ["lab.long_poll"] = self.long_poll
        self.application = self.server.application
        # A client that does not take its answer is dropped, too.
        self.socket.settimeout(self.server.patience.request_s)
        self.handle_one_response()
        self.socket.settimeout(None)

    def _refuse(self, refusal: Refusal) -> None:
        wait = self._wait(self.server.idle)
        with wait, suppress(OSError), gevent.Timeout(_LINGER_S, False):
            self.refuse(refusal)
            self.socket.shutdown(socket.SHUT_WR)
            while self.socket.recv(65536):
                pass

    def _look(self, watcher: Any, wait: ClientWait) -> None:
        """Called in the hub when there is something to read, which may be the end."""
        try:
            gone = not self.socket._sock.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
        except BlockingIOError:
            return
        except OSError:
            gone = True
        # Otherwise it is the next request, early; a later end would not be noticed.
        watcher.stop()
        if gone:
            wait.end(Dropped())
