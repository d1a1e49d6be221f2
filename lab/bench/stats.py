"""Medians, spreads and ratios of what was measured. Pure."""

import statistics
from collections.abc import Mapping, Sequence
from typing import NamedTuple


class Summary(NamedTuple):
    """What several runs of one measurement say. runs: how many; the rest in its own unit."""

    runs: int
    median: float
    least: float
    most: float


def summary(values: Sequence[float]) -> Summary | None:
    """Return the summary of `values`, or None of none: an average of nothing is not zero."""
    if not values:
        return None
    return Summary(len(values), statistics.median(values), min(values), max(values))


def ratio(slow: Summary | None, fast: Summary | None) -> float | None:
    """Return how many times `fast` goes into `slow`, by medians; None if that says nothing."""
    if slow is None or fast is None or fast.median <= 0:
        return None
    return slow.median / fast.median


def by_name(runs: Sequence[Mapping[str, float]]) -> dict[str, list[float]]:
    """Turn measurements run by run into the values of each name, in order of first appearance."""
    found: dict[str, list[float]] = {}
    for run in runs:
        for name, value in run.items():
            found.setdefault(name, []).append(value)
    return found


def number(value: float | None, unit: str = "") -> str:
    """Return `value` for a table: three figures at most, and a dash for None."""
    if value is None:
        return "-"
    digits = 0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 2
    return f"{value:.{digits}f}{unit}"
