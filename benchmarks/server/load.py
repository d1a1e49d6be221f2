"""Many HTTP clients in one thread: persistent connections, little work a request.

A client costs the same two cores that the server runs on, so what it spends is missing there.
"""

import asyncio
import json
from collections.abc import Mapping
from typing import NamedTuple

from services.core.errors import ApiRefused, ApiUnreachable

Address = tuple[str, int]


class Answer(NamedTuple):
    """One answer. etag: "" without one."""

    status: int
    etag: str
    body: bytes


class Connection:
    """One persistent connection to `address`; requests one after the other."""

    def __init__(self, address: Address, headers: Mapping[str, str] | None = None) -> None:
        """headers: sent with every request."""
        self._address = address
        fields = {"Host": f"{address[0]}:{address[1]}", **(headers or {})}
        self._fields = "".join(f"{key}: {value}\r\n" for key, value in fields.items())
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def request(
        self, method: str, path: str, body: object = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Return the answer, whatever its status. Raises ApiUnreachable when there is none."""
        payload = b"" if body is None else json.dumps(body).encode()
        head = f"{method} {path} HTTP/1.1\r\n{self._fields}"
        head += "".join(f"{key}: {value}\r\n" for key, value in (headers or {}).items())
        if body is not None:
            head += f"Content-Type: application/json\r\nContent-Length: {len(payload)}\r\n"
        try:
            if self._streams is None:
                self._streams = await asyncio.open_connection(*self._address, limit=2**22)
            reader, writer = self._streams
            writer.write(head.encode("ascii") + b"\r\n" + payload)
            return await _answer(reader)
        except (OSError, asyncio.IncompleteReadError, ValueError) as error:
            url = f"http://{self._address[0]}:{self._address[1]}{path}"
            raise ApiUnreachable(url, str(error) or type(error).__name__) from None

    async def expect(
        self, method: str, path: str, body: object = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """As request, but raises ApiRefused for anything but success."""
        answer = await self.request(method, path, body, headers)
        if not 200 <= answer.status < 300:
            raise ApiRefused(path, answer.status, answer.body.decode(errors="replace"))
        return answer

    async def close(self) -> None:
        """Close the connection, if there is one."""
        if self._streams is not None:
            self._streams[1].close()


async def _answer(reader: asyncio.StreamReader) -> Answer:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    fields = {
        key.lower(): value.strip() for key, _, value in (line.partition(":") for line in head)
    }
    length = int(fields.get("content-length", "0"))
    body = await reader.readexactly(length) if length else b""
    return Answer(int(head[0].split(" ", 2)[1]), fields.get("etag", ""), body)
