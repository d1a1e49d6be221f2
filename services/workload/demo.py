"""The default workload: a small HTTP responder that says who it is.

Not http.server, nor `socket`: see services/workload/__init__.py.
"""

from _socket import SHUT_WR, socket
from select import POLLIN, poll

_HEAD_LIMIT_BYTES = 8192
# With more clients than these the oldest is dropped, so that idle clients cannot use up all places.
_CLIENTS = 64
_END_OF_HEAD = b"\r\n\r\n"


class Responder:
    """Answers every request on `listener` with the JSON document `answer`.

    One thread polls all connections, so an idle client blocks no other.
    """

    def __init__(self, listener: socket, answer: bytes) -> None:
        self._listener = listener
        self._body = answer
        self._head = (
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(answer)}\r\nConnection: close\r\n\r\n"
        ).encode()
        # File descriptor -> the client and what it has sent so far; the oldest client comes first.
        self._clients: dict[int, tuple[socket, bytes]] = {}
        self._poll = poll()

    def run(self) -> None:
        """Serve until the process is killed."""
        self._listener.setblocking(False)
        self._poll.register(self._listener.fileno(), POLLIN)
        while True:
            for descriptor, _ in self._poll.poll():
                if descriptor == self._listener.fileno():
                    self._accept()
                # Another event of this round may have dropped it, and its number may be in use
                # again; then reading finds nothing, which is harmless.
                elif descriptor in self._clients and not self._advance(descriptor):
                    self._drop(descriptor)

    def _accept(self) -> None:
        if len(self._clients) >= _CLIENTS:
            self._drop(next(iter(self._clients)))
        try:
            # What socket.accept() is built on; `_socket` has nothing else.
            descriptor, _ = self._listener._accept()  # type: ignore[attr-defined]
        except OSError:
            return  # the client has left
        client = socket(fileno=descriptor)
        client.setblocking(False)
        self._clients[descriptor] = (client, b"")
        self._poll.register(descriptor, POLLIN)

    def _advance(self, descriptor: int) -> bool:
        """Read once, answer when the request's head is complete; return whether to go on."""
        client, received = self._clients[descriptor]
        try:
            chunk = client.recv(4096)
            if _END_OF_HEAD in received:
                return bool(chunk)  # already answered; this is the rest of a body
            received += chunk
            self._clients[descriptor] = (client, received)
            if _END_OF_HEAD in received:
                only_head = received.startswith(b"HEAD ")
                client.sendall(self._head if only_head else self._head + self._body)
                # Not close(): with unread input that would reset the connection under the answer.
                client.shutdown(SHUT_WR)
            return bool(chunk) and len(received) <= _HEAD_LIMIT_BYTES
        except BlockingIOError:
            return True
        except OSError:
            return False

    def _drop(self, descriptor: int) -> None:
        self._poll.unregister(descriptor)
        client, _ = self._clients.pop(descriptor)
        client.close()
