"""Durable writes a second: one PATCH after the other, each acknowledged when it is on disk."""

import asyncio
import itertools
import time
from collections.abc import Awaitable, Callable

from benchmarks.server.load import Address, Connection
from benchmarks.server.names import container

MINIMAL = {"Prefer": "return=minimal"}
_FILLERS = 32
_fresh = itertools.count()


async def fill(
    address: Address, known: int, total: int, node_of: Callable[[int], str] = lambda _: "node1"
) -> None:
    """Declare containers until there are `total`, each on its node; the first `known` exist."""
    numbers = iter(range(known, total))

    async def work(connection: Connection) -> None:
        for number in numbers:
            body = {"name": container(number), "node": node_of(number)}
            await connection.expect("POST", "/api/containers", body, MINIMAL)

    await _together(address, _FILLERS, work)


async def per_second(address: Address, stored: int, clients: int, span_s: float) -> float:
    """Return the writes a second that `clients` get acknowledged together, over `span_s` seconds.

    Each moves containers of its own, every time to a node where they were never before, so each
    write changes something.
    """
    done = 0
    end_s = time.monotonic() + span_s

    async def work(connection: Connection) -> None:
        nonlocal done
        own = next(shares)
        for node in _fresh:
            for number in own:
                if time.monotonic() >= end_s:
                    return
                path = f"/api/containers/{container(number)}"
                await connection.expect("PATCH", path, {"node": f"to{node}"}, MINIMAL)
                done += 1

    shares = iter([range(client, stored, clients) for client in range(clients)])
    began_s = time.monotonic()
    await _together(address, clients, work)
    return done / (time.monotonic() - began_s)


async def _together(
    address: Address, clients: int, work: Callable[[Connection], Awaitable[None]]
) -> None:
    connections = [Connection(address) for _ in range(clients)]
    try:
        await asyncio.gather(*map(work, connections))
    finally:
        for connection in connections:
            await connection.close()
