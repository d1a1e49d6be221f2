"""The default workload: a small HTTP responder that says who it is.

Not http.server: importing that costs an emulated guest half a second of every start.
"""

import selectors
import socket

_HEAD_LIMIT_BYTES = 8192
# Beyond these the oldest goes: a client that connects and says nothing holds no place for ever.
_CLIENTS = 64


class Responder:
    """Answers every request on `listener` with the JSON document `answer`.

    One thread watches all connections, so an idle client blocks nobody.
    """

    def __init__(self, listener: socket.socket, answer: bytes) -> None:
        self._listener = listener
        self._body = answer
        self._head = (
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(answer)}\r\nConnection: close\r\n\r\n"
        ).encode()
        # What each client has sent so far, oldest client first.
        self._clients: dict[socket.socket, bytes] = {}
        self._selector = selectors.DefaultSelector()

    def run(self) -> None:
        """Serve until the process is killed."""
        self._listener.setblocking(False)
        self._selector.register(self._listener, selectors.EVENT_READ, self._accept)
        while True:
            for key, _ in self._selector.select():
                key.data()

    def _accept(self) -> None:
        if len(self._clients) >= _CLIENTS:
            self._drop(next(iter(self._clients)))
        try:
            client, _ = self._listener.accept()
        except OSError:
            return  # it left before we looked
        client.setblocking(False)
        self._clients[client] = b""
        self._selector.register(client, selectors.EVENT_READ, lambda: self._turn(client))

    def _turn(self, client: socket.socket) -> None:
        # It may have been dropped by another event of the same round.
        if client in self._clients and not self._advance(client):
            self._drop(client)

    def _advance(self, client: socket.socket) -> bool:
        """Read once, answer when the request's head is whole; return whether to go on."""
        try:
            chunk = client.recv(4096)
            seen = self._clients[client]
            if b"\r\n\r\n" in seen:
                return bool(chunk)  # answered; what comes now is the rest of a body
            seen += chunk
            self._clients[client] = seen
            if b"\r\n\r\n" in seen:
                client.sendall(self._head if seen.startswith(b"HEAD ") else self._head + self._body)
                # Not close(): with unread input that would reset the connection under the answer.
                client.shutdown(socket.SHUT_WR)
            return bool(chunk) and len(seen) <= _HEAD_LIMIT_BYTES
        except OSError:
            return False

    def _drop(self, client: socket.socket) -> None:
        self._selector.unregister(client)
        del self._clients[client]
        client.close()
