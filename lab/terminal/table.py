"""What `lab` prints: lines and tables for people, JSON for programs.

The only module that writes to the terminal, beside lab/terminal/progress.py. Most of what is
printed came over a wire, from a journal or from somebody else's file, so it is escaped here.
"""

import json
import os
from collections.abc import Sequence
from typing import IO, Any

import click

from services.core.errors import printable, printable_lines


def render(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return an aligned text table, a line a row; the last column is as wide as it likes."""
    grid = [list(header), *(list(map(printable, row)) for row in rows)]
    widths = [max(len(row[column]) for row in grid) for column in range(len(header))]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in grid
    ]
    return "\n".join(lines)


def echo(text: str, *, err: bool = False, file: IO[Any] | None = None) -> None:
    """Print `text` with its line feeds; all else that a terminal would obey is escaped."""
    click.echo(printable_lines(text), file=file, err=err)


def echo_labelled(label: str, colour: str, text: str) -> None:
    """Print `label` and each line of `text`; the label in `colour` where a terminal shows it."""
    painted = click.style(printable(label), fg=None if os.environ.get("NO_COLOR") else colour)
    for line in text.split("\n"):
        click.echo(f"{painted}  {printable(line)}")


def echo_json(value: Any, *, indent: int | None = 2) -> None:
    """Print `value` as JSON that is also readable. indent: None for one line."""
    echo_raw(json.dumps(value, indent=indent) + "\n")


def echo_raw(text: str) -> None:
    """Print `text`, which is made for programs, as it is."""
    click.echo(text, nl=False)
