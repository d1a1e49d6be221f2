"""How a page is served: on loopback, or on the address that a user names; with threads."""

import errno
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from io import BufferedIOBase
from socketserver import TCPServer, ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

from services.core.errors import LabError

ADDRESS = "127.0.0.1"


class StageServer(ThreadingMixIn, WSGIServer):
    """A thread for each connection; the streams of pages last as long as the pages do."""

    daemon_threads = True
    # A restart need not wait for connections that ended a minute ago.
    allow_reuse_address = True
    request_queue_size = 64
    # On an address that others reach, who has no token could else take all threads and files.
    most = 64

    def __init__(self, *arguments: Any) -> None:
        self._slots = threading.BoundedSemaphore(self.most)
        super().__init__(*arguments)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Serve in a new thread; one connection too many is closed at once."""
        if self._slots.acquire(blocking=False):
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Serve one connection."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._slots.release()

    def server_bind(self) -> None:
        """As WSGIServer's, but without asking DNS for our name."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = ADDRESS, int(self.server_address[1])
        self.setup_environ()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A browser that goes away while it is answered is no error."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


class _Patient(BufferedIOBase):
    """The way to a browser. A time-out becomes a broken connection, which is no error here."""

    def __init__(self, file: Any) -> None:
        self._file = file

    def write(self, data: Any) -> int:
        """Write `data`; return of how many bytes."""
        try:
            return int(self._file.write(data))
        except TimeoutError as error:
            raise ConnectionAbortedError(str(error)) from None

    def flush(self) -> None:
        """Do what the file does."""
        self._file.flush()


class _Handler(WSGIRequestHandler):
    # One that sends nothing, or reads nothing, for so long is disconnected.
    timeout = 20.0

    def setup(self) -> None:
        """As for every connection; one that reads nothing any more is one that went away."""
        super().setup()
        self.wfile = _Patient(self.wfile)

    def log_message(self, *_: Any) -> None:
        """Print nothing: a stranger's words do not belong on the presenter's terminal."""


def bind(app: Callable[..., Any], port: int, address: str = ADDRESS) -> StageServer:
    """Return a server of `app` on `port` of `address`; 0 for a free one. Raises LabError."""
    try:
        server = StageServer((address, port), _Handler)
    except OSError as error:
        if error.errno == errno.EADDRNOTAVAIL:
            raise LabError(
                f"{address} is no address of this computer", hint="ip -4 -brief address lists them"
            ) from None
        taken = error.errno == errno.EADDRINUSE
        why = "another program has it" if taken else str(error)
        raise LabError(
            f"cannot listen on port {port}: {why}",
            hint="is the stage open already? --port 0 takes any port that is free, and so does "
            "--phone ADDRESS:0",
        ) from None
    server.set_app(app)
    return server


@contextmanager
def serving(server: StageServer) -> Iterator[None]:
    """Serve in a thread for the length of the block."""
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    with server:
        thread.start()
        try:
            yield
        finally:
            server.shutdown()
            thread.join()


def serve(server: StageServer) -> None:
    """Serve until Ctrl-C."""
    with suppress(KeyboardInterrupt):
        server.serve_forever()
