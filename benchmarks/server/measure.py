"""All measurements of the state server in one run, so that each ratio is of one moment."""

import asyncio
import tempfile
from pathlib import Path
from typing import NamedTuple

from benchmarks.server import lists, watchers, writes
from benchmarks.server.names import agent
from benchmarks.server.process import baseline, running
from lab import paths
from lab.terminal.progress import Progress

Rates = dict[int, dict[int, float]]


class Scope(NamedTuple):
    """How much to measure. stored: sizes of the database, ascending. span_s: of one rate."""

    stored: tuple[int, ...] = (100, 10_000)
    clients: tuple[int, ...] = (1, 32)
    span_s: float = 3.0
    lists: int = 20
    watchers: int = 1000
    changes: int = 200
    # As long as a watch is held: each is renewed once meanwhile.
    idle_s: float = 10.0


class Results(NamedTuple):
    """writes, tinydb: clients -> stored containers -> durable writes a second. lists: kind of
    request -> seconds of each, of the largest size."""

    writes: Rates
    tinydb: Rates
    lists: dict[str, list[float]]
    told: watchers.Told


def measure(scope: Scope, progress: Progress) -> Results:
    """Measure a state server of this checkout on this machine's loopback and disk."""
    # On the disk of the checkout: /tmp may be memory, where an fsync costs nothing.
    paths.STATE.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=paths.STATE, prefix="bench-") as name:
        return asyncio.run(_measure(scope, Path(name), progress))


async def _measure(scope: Scope, folder: Path, progress: Progress) -> Results:
    largest = scope.stored[-1]
    rates: Rates = {clients: {} for clients in scope.clients}
    tinydb: Rates = {clients: {} for clients in scope.clients}
    agents = [agent(number) for number in range(scope.watchers)]
    with running(folder, agents) as server:
        known = 0
        for stored in scope.stored:
            progress(f"declare containers up to {stored}")
            await writes.fill(server.admin, known, stored)
            known = stored
            with baseline(folder, stored) as other:
                for clients in scope.clients:
                    # In turn with ours: the same disk at the same time.
                    ours = await writes.per_second(server.admin, stored, clients, scope.span_s)
                    theirs = await writes.per_second(other, stored, clients, scope.span_s)
                    rates[clients][stored], tinydb[clients][stored] = ours, theirs
                    progress(
                        f"{stored} stored, {clients} clients: {ours:.0f} durable writes a second "
                        f"(over TinyDB's JSONStorage: {theirs:.0f})"
                    )
        progress(f"list of {largest}")
        listed = await lists.seconds(server, scope.lists)
    # A new server: what the writes left in memory is not what watchers cost.
    second = folder / "watch"
    second.mkdir()
    with running(second, agents) as server:
        progress(f"{scope.watchers} watching agents, {largest} containers")
        told = await watchers.measure(server, scope.watchers, largest, scope.changes, scope.idle_s)
    return Results(rates, tinydb, listed, told)
