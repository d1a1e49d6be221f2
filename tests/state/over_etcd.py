"""The same server over TinyDB and over three members of etcd: what a write and a change cost.

python -m tests.state.over_etcd [STORED [WATCHERS]]
"""

import asyncio
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from benchmarks.server import watchers, writes
from benchmarks.server.names import agent
from benchmarks.server.process import Server, running
from benchmarks.server.report import quantile
from lab import paths
from tests.state.etcd_cluster import DEFAULT, Cluster

_FEW = 100
_SPAN_S = 3.0
_CHANGES, _IDLE_S = 200, 2.0


class Cost(NamedTuple):
    """few, many: milliseconds a write of one client, with _FEW and with all containers stored.

    told_ms: of each agent that a change concerned, from sending the change to having it.
    """

    few_ms: float
    many_ms: float
    told_ms: list[float]


def measure(kind: str, folder: Path, stored: int, agents: int) -> Cost:
    """Return the cost over a new "tinydb" or "etcd" in `folder`."""
    names = [agent(number) for number in range(agents)]
    with _server(kind, folder / "writes", names) as server:
        few_ms, many_ms = asyncio.run(_written(server, stored))
    with _server(kind, folder / "watch", names) as server:
        told = asyncio.run(watchers.measure(server, agents, stored, _CHANGES, _IDLE_S))
    return Cost(few_ms, many_ms, [1000 * one for one in told.told_s])


async def _written(server: Server, stored: int) -> tuple[float, float]:
    await writes.fill(server.admin, 0, _FEW)
    few = await writes.per_second(server.admin, _FEW, 1, _SPAN_S)
    await writes.fill(server.admin, _FEW, stored)
    return 1000 / few, 1000 / await writes.per_second(server.admin, stored, 1, _SPAN_S)


@contextmanager
def _server(kind: str, folder: Path, nodes: Sequence[str]) -> Iterator[Server]:
    folder.mkdir(parents=True)
    if kind == "tinydb":
        with running(folder, nodes) as server:
            yield server
        return
    cluster = Cluster(folder, timers=DEFAULT)
    cluster.start()
    try:
        members = ",".join(f"{host}:{port}" for host, port in cluster.addresses)
        with running(folder, nodes, members) as server:
            yield server
    finally:
        cluster.stop()


def main(stored: int = 10_000, agents: int = 1000) -> None:
    """Measure both in turn, on the disk of the checkout, and print the ratios."""
    paths.STATE.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=paths.STATE, prefix="bench-") as name:
        p99 = {}
        for kind in ("tinydb", "etcd"):
            cost = measure(kind, Path(name) / kind, stored, agents)
            p99[kind] = quantile(cost.told_ms, 99)
            print(
                f"{kind}: a write {cost.few_ms:.2f} ms with {_FEW} stored, {cost.many_ms:.2f} ms "
                f"with {stored} ({cost.many_ms / cost.few_ms:.2f}x); {agents} agents, told after "
                f"{quantile(cost.told_ms, 50):.1f} ms (p50), {p99[kind]:.1f} ms (p99)"
            )
        print(f"told, p99: etcd takes {p99['etcd'] / p99['tinydb']:.2f} times as long as TinyDB")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
