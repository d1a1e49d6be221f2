"""One HTTP request over a plain socket, for programs that live for one pass.

`import http.client` alone costs 200 ms in an emulated guest, more than the rest of an
agent's pass, and `urllib.request` twice that. One request per connection, HTTP/1.0 answers
framed by Content-Length or by the end of the stream, JSON bodies: all that our APIs need.
"""

import json
import socket
import time
from typing import Any

from services.core.errors import ApiRefused, ApiUnreachable

_LIMIT_BYTES = 8 * 1024 * 1024


def request(
    method: str, address: tuple[str, int], path: str, body: object = None, *, timeout_s: float
) -> Any:
    """Return the decoded JSON answer of one request.

    address: host and port. path: already quoted. body: sent as JSON unless None.
    timeout_s bounds the whole exchange, not one recv.
    Raises ApiUnreachable when no whole answer came, ApiRefused when it was not 2xx.
    """
    url = f"http://{address[0]}:{address[1]}{path}"
    payload = b"" if body is None else json.dumps(body).encode()
    head = f"{method} {path} HTTP/1.0\r\nHost: {address[0]}:{address[1]}\r\n"
    if payload:
        head += "Content-Type: application/json\r\n"
    head += f"Content-Length: {len(payload)}\r\n\r\n"
    deadline = time.monotonic() + timeout_s
    try:
        raw = _exchange(address, head.encode("ascii") + payload, deadline)
        status, answer = _parse(raw)
    except (OSError, ValueError) as error:
        raise ApiUnreachable(url, str(error) or type(error).__name__) from None
    if not 200 <= status < 300:
        fields = answer if isinstance(answer, dict) else {}
        raise ApiRefused(url, status, str(fields.get("error", "")), str(fields.get("hint", "")))
    return answer


def _exchange(address: tuple[str, int], data: bytes, deadline: float) -> bytes:
    with socket.create_connection(address, timeout=_left(deadline)) as connection:
        connection.sendall(data)
        chunks = bytearray()
        while True:
            connection.settimeout(_left(deadline))
            chunk = connection.recv(65536)
            if not chunk:
                return bytes(chunks)
            chunks += chunk
            if len(chunks) > _LIMIT_BYTES:
                raise ValueError(f"answer of more than {_LIMIT_BYTES} bytes")


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError("timed out")
    return left


def _parse(raw: bytes) -> tuple[int, Any]:
    """Return status and decoded body of an answer; raises ValueError when it is cut short."""
    head, separator, body = raw.partition(b"\r\n\r\n")
    lines = head.decode("latin-1").split("\r\n")
    words = lines[0].split(" ", 2)
    if not separator or len(words) < 2 or not words[0].startswith("HTTP/1."):
        raise ValueError("not a whole HTTP answer")
    for line in lines[1:]:
        key, _, value = line.partition(":")
        if key.lower() == "content-length" and len(body) != int(value):
            raise ValueError(f"answer cut short: {len(body)} of {value.strip()} bytes")
    return int(words[1]), json.loads(body) if body else None
