"""Tables for people, JSON for programs; both on standard output."""

import json
from collections.abc import Sequence
from typing import Any

import click


def render(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return an aligned text table; the last column is as wide as it likes."""
    grid = [list(header), *map(list, rows)]
    widths = [max(len(row[column]) for row in grid) for column in range(len(header))]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in grid
    ]
    return "\n".join(lines)


def echo_json(value: Any) -> None:
    """Print `value` as JSON that is also readable."""
    click.echo(json.dumps(value, indent=2))
