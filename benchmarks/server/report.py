"""What `python -m benchmarks server` prints: as data, and as tables of that."""

import statistics
from collections.abc import Sequence
from typing import Any

from benchmarks.server.measure import Results
from lab.bench.stats import number
from lab.terminal.table import render


def as_data(results: Results) -> dict[str, Any]:
    """Return everything, with the ratios. slowdown: the smallest size to the largest one."""
    told = results.told
    return {
        "writes_per_second": [
            {
                "clients": clients,
                "stored": stored,
                "durable": rate,
                "tinydb": results.tinydb[clients][stored],
                "ratio": rate / results.tinydb[clients][stored],
            }
            for clients, rates in results.writes.items()
            for stored, rate in rates.items()
        ],
        "slowdown": {
            str(clients): next(iter(rates.values())) / list(rates.values())[-1]
            for clients, rates in results.writes.items()
        },
        "list_ms": {kind: 1000 * statistics.median(spent) for kind, spent in results.lists.items()},
        "watch": {
            "watchers": told.watchers,
            "told_ms": {
                "p50": 1000 * quantile(told.told_s, 50),
                "p99": 1000 * quantile(told.told_s, 99),
            },
            "changes": len(told.told_s) // 2,
            "idle_cpu_percent": 100 * told.idle_cpu,
            "rss_mib": told.rss_mib,
            "rss_per_watcher_kib": 1024 * (told.rss_mib - told.rss_before_mib) / told.watchers,
        },
    }


def as_text(data: dict[str, Any]) -> str:
    """Return the tables of `data`, as as_data makes it."""
    rows = [
        (
            str(row["clients"]),
            str(row["stored"]),
            number(row["durable"]),
            number(row["tinydb"]),
            number(row["ratio"], "x"),
        )
        for row in data["writes_per_second"]
    ]
    header = ("clients", "stored", "durable writes/s", "TinyDB JSONStorage", "ratio")
    blocks = [render(header, rows)]
    blocks += [
        f"{clients} client{'' if clients == '1' else 's'}, smallest to largest: {value:.2f}x slower"
        for clients, value in data["slowdown"].items()
    ]
    listed = data["list_ms"]
    kinds = [
        (kind, number(spent), number(listed["whole"] / spent, "x"))
        for kind, spent in listed.items()
    ]
    blocks += ["", render(("list of the largest", "median ms", "whole / this"), kinds)]
    watch = data["watch"]
    blocks += [
        "",
        f"{watch['watchers']} watchers, {watch['changes']} changes: told after "
        f"{number(watch['told_ms']['p50'])} ms (p50), {number(watch['told_ms']['p99'])} ms (p99)",
        f"server while all wait and renew: {number(watch['idle_cpu_percent'])} % of a core, "
        f"{number(watch['rss_mib'])} MiB, {number(watch['rss_per_watcher_kib'])} KiB a watcher",
    ]
    return "\n".join(blocks)


def quantile(values: Sequence[float], percent: int) -> float:
    """The value that `percent` % of `values` do not exceed (nearest rank)."""
    ranked = sorted(values)
    return ranked[max(0, -(-len(ranked) * percent // 100) - 1)]
