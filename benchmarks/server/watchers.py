"""A thousand agents that watch their assignments, and how soon each gets a change."""

import asyncio
import json
import time
from typing import Any, NamedTuple

from benchmarks.server.load import Connection
from benchmarks.server.names import agent, container
from benchmarks.server.process import Server, token
from benchmarks.server.writes import MINIMAL, fill
from services.core.errors import ApiRefused, ApiUnreachable

# A watch is a sign of life when it begins: renewed within the lease, 15 s in seed.
_WAIT_S = 10
_SETTLE_S = 2.0
_ALL_WAIT_S = 60


_Everyone = asyncio.Future[list[None]]


class Told(NamedTuple):
    """What was measured. told_s: of each watcher that a change concerned, from sending the change
    to the watcher having the new assignment. idle_cpu: CPU seconds a second while all wait."""

    watchers: int
    told_s: list[float]
    idle_cpu: float
    rss_mib: float
    rss_before_mib: float


class _Watcher:
    """One agent on the node realm: it watches its assignment, as the real one does."""

    def __init__(self, server: Server, name: str) -> None:
        self._path = f"/api/nodes/{name}/desired"
        self._connection = Connection(server.node, {"Authorization": f"Bearer {token(name)}"})
        # The newest assignment, when it came, and a signal that there is one.
        self.containers: set[str] = set()
        self.at_s = 0.0
        self.news = asyncio.Event()

    async def run(self) -> None:
        etag = ""
        try:
            while True:
                condition = {"If-None-Match": etag} if etag else {}
                answer = await self._connection.request(
                    "GET", f"{self._path}?wait={_WAIT_S}", headers=condition
                )
                if answer.status not in (200, 304):
                    raise ApiRefused(self._path, answer.status, answer.body.decode())
                if answer.status == 200:
                    self.at_s = time.monotonic()
                    self.containers = set(json.loads(answer.body)["containers"])
                    self.news.set()
                etag = answer.etag or etag
        finally:
            await self._connection.close()


async def measure(server: Server, watchers: int, stored: int, changes: int, idle_s: float) -> Told:
    """Spread `stored` containers over `watchers` agents that watch; then move `changes` of them.

    Each move concerns two agents: the one that loses the container and the one that gets it.
    """
    await fill(server.admin, 0, stored, lambda number: agent(number % watchers))
    before_mib = server.rss_mib()
    admin = Connection(server.admin)
    waiting = [_Watcher(server, agent(number)) for number in range(watchers)]
    # Runs until a watcher fails, and then fails as it did.
    everyone = asyncio.gather(*(one.run() for one in waiting))
    try:
        for one in waiting:
            await _unless_failed(one, everyone)
        # Every first answer is there; the watches that follow are on their way.
        await asyncio.sleep(_SETTLE_S)
        spent_s = server.cpu_s()
        await asyncio.sleep(idle_s)
        idle_cpu = (server.cpu_s() - spent_s) / idle_s
        told_s: list[float] = []
        for number in range(changes):
            told_s += await _change(admin, waiting, everyone, number)
        return Told(watchers, told_s, idle_cpu, server.rss_mib(), before_mib)
    finally:
        everyone.cancel()
        await asyncio.gather(everyone, return_exceptions=True)
        await admin.close()


async def _change(
    admin: Connection, waiting: list[_Watcher], everyone: _Everyone, number: int
) -> list[float]:
    """Move container `number` to the next agent but one; return how long each of the two took."""
    giver, taker = waiting[number % len(waiting)], waiting[(number + 2) % len(waiting)]
    giver.news.clear()
    taker.news.clear()
    began_s = time.monotonic()
    await _move(admin, number, (number + 2) % len(waiting))
    await _unless_failed(giver, everyone)
    await _unless_failed(taker, everyone)
    name = container(number)
    if name in giver.containers or name not in taker.containers:
        raise ApiRefused(f"/api/containers/{name}", 200, "its agents got a wrong assignment")
    return [giver.at_s - began_s, taker.at_s - began_s]


async def _move(admin: Connection, number: int, to: int) -> None:
    path = f"/api/containers/{container(number)}"
    await admin.expect("PATCH", path, {"node": agent(to)}, MINIMAL)


async def _unless_failed(watcher: _Watcher, everyone: _Everyone) -> None:
    """Return when `watcher` has news. Raises what made a watcher fail, or that it takes long."""
    news: asyncio.Future[bool] = asyncio.ensure_future(watcher.news.wait())
    both: set[asyncio.Future[Any]] = {news, everyone}
    done, _ = await asyncio.wait(both, timeout=_ALL_WAIT_S, return_when=asyncio.FIRST_COMPLETED)
    if everyone in done:
        everyone.result()
    if news not in done:
        news.cancel()
        raise ApiUnreachable("the watch of an agent", f"no news within {_ALL_WAIT_S} s")
