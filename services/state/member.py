"""One member of etcd: requests to its JSON gateway over connections that stay open."""

import time
from collections.abc import Iterator
from contextlib import suppress
from http.client import HTTPConnection, HTTPException, HTTPResponse, IncompleteRead
from socket import SHUT_RDWR, socket
from typing import Any

from services.core.address import Address, show_address
from services.core.errors import printable, shown
from services.core.fields import decode

NOT_ETCD = "name the addresses of etcd's --listen-client-urls, which must be http"

# The state server writes each second, so a watch that is silent for longer is lost.
SILENCE_S = 2.0


class Trouble(Exception):
    """A member gave no good answer. hint: set if asking it again cannot help. late: a timeout."""

    def __init__(self, detail: str, hint: str = "", *, late: bool = False) -> None:
        super().__init__(printable(detail))
        self.hint = hint
        self.late = late


class Member:
    """Every method may be called from any thread, and raises Trouble. works: as far as is known."""

    def __init__(self, address: Address) -> None:
        self.name = show_address(address)
        self.works = True
        self._address = address
        self._idle: list[HTTPConnection] = []
        self._closed = False

    def ask(self, path: str, payload: bytes, timeout_s: float) -> tuple[int, bytes]:
        """Post `payload`; return the status and the body of the answer."""
        until_s = time.monotonic() + timeout_s
        try:
            connection = self._idle.pop()
        except IndexError:
            connection = HTTPConnection(*self._address)
        try:
            response = _post(connection, path, payload, timeout_s)
            body = bytearray()
            while chunk := response.read1(1 << 20):
                body += chunk
                if time.monotonic() > until_s:
                    raise TimeoutError
            response.close()  # the connection is free again
        except BaseException as error:
            connection.close()
            raise _trouble(error) from None
        self._idle.append(connection)
        if self._closed:
            self.close()
        return response.status, bytes(body)

    def stream(self, path: str, payload: bytes, timeout_s: float) -> "Stream":
        """Post `payload`; return the answer, which goes on. timeout_s: until it begins.

        It ends when nothing comes for SILENCE_S, since a member that hangs closes no connection.
        """
        connection = HTTPConnection(*self._address, timeout=timeout_s)
        try:
            connection.connect()
            line = connection.sock
            response = _post(connection, path, payload, timeout_s)
            if response.status != 200:
                raise Trouble(f"it answers {response.status} to {path}")
            line.settimeout(SILENCE_S)
        except BaseException as error:
            connection.close()
            raise _trouble(error) from None
        return Stream(line, response)

    def close(self) -> None:
        """Close every connection but streams: now, or when its request is over."""
        self._closed = True
        while self._idle:
            self._idle.pop().close()


class Stream:
    """An answer that goes on: a JSON object a line."""

    def __init__(self, connection: socket, response: HTTPResponse) -> None:
        self._connection = connection
        self._response = response

    def answers(self) -> Iterator[dict[str, Any]]:
        """Yield every result, until the member is lost, silent, or does not speak as etcd."""
        with suppress(OSError, HTTPException, ValueError, KeyError, TypeError):
            while line := self._response.readline():
                yield decode(line)["result"]

    def end(self) -> None:
        """Make `answers` end at once, in whichever thread it is."""
        with suppress(OSError):
            self._connection.shutdown(SHUT_RDWR)

    def release(self) -> None:
        """Close the connection; only the thread that reads from it may do that."""
        self._response.close()
        self._connection.close()


def _post(connection: HTTPConnection, path: str, payload: bytes, timeout_s: float) -> HTTPResponse:
    connection.timeout = timeout_s
    if connection.sock:
        connection.sock.settimeout(timeout_s)
    connection.request("POST", path, payload)
    return connection.getresponse()


def _trouble(error: BaseException) -> BaseException:
    """Return what `error` means; an error that is not the member's stays what it is."""
    if isinstance(error, TimeoutError):
        return Trouble("no answer in time", late=True)
    if isinstance(error, OSError | UnicodeError):  # the latter for a name that cannot be one
        return Trouble(getattr(error, "strerror", "") or str(error))
    if isinstance(error, IncompleteRead):
        return Trouble("its answer was cut short")
    if isinstance(error, HTTPException):
        return Trouble(f"it does not speak HTTP: {shown(str(error))}", NOT_ETCD)
    return error
