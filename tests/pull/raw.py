"""Bare sockets, for what no HTTP client would send, and what the kernel knows of them."""

import contextlib
import json
import socket
from pathlib import Path

BOUND_S = 20


@contextlib.contextmanager
def connected(address, count):
    with contextlib.ExitStack() as held:
        yield [
            held.enter_context(socket.create_connection(address, timeout=BOUND_S))
            for _ in range(count)
        ]


def answer(client):
    """All that comes until the end: status, headers in lower case, decoded body."""
    client.settimeout(BOUND_S)
    with client.makefile("rb") as stream:
        return parsed(stream.read())


def parsed(text):
    head, _, body = text.partition(b"\r\n\r\n")
    return int(head.split()[1]), head.lower(), json.loads(body) if body else None


def sockets(server, address=None):
    """The server's connections as the kernel sees them: bytes that it has not read, of each."""
    table = Path(f"/proc/{server.process.pid}/net/tcp").read_text()
    rows = [line.split() for line in table.splitlines()][1:]
    port, open_states = f":{(address or server.admin)[1]:04X}", {"01", "08"}
    return [
        int(row[4].partition(":")[2], 16)
        for row in rows
        if row[1].endswith(port) and row[3] in open_states
    ]
