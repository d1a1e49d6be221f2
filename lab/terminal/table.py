"""What `lab` prints: lines and tables for people, JSON for programs.

The only module that writes to the terminal, beside lab/terminal/progress.py. Most of what is
printed came over a wire, from a journal or from another program's file, so it is escaped here.
"""

import json
import os
import shutil
import sys
from collections.abc import Sequence
from typing import IO, Any

import click

from services.core.errors import printable, printable_lines

_GAP = 2
_ENDLESS = 1_000_000


def render(header: Sequence[str], rows: Sequence[Sequence[str]], width: int | None = None) -> str:
    """Return an aligned text table; cells that do not fit are folded, and nothing is cut.

    width: in columns; None is that of the terminal, or as wide as needed where the output is a
    file or a pipe: there a row is always one line.
    """
    # 40 ms, which `lab --help` does not need.
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, padding=(0, _GAP, 0, 0), pad_edge=False, header_style="")
    for title in header:
        table.add_column(Text(title), overflow="fold")
    for row in rows:
        table.add_row(*(Text(printable(cell)) for cell in row))
    if width is None:
        width = shutil.get_terminal_size().columns if sys.stdout.isatty() else _ENDLESS
    # Whatever TERM and FORCE_COLOR say: this becomes text, not output.
    console = Console(width=width, color_system=None, force_terminal=False)
    with console.capture() as capture:
        console.print(table)
    return "\n".join(line.rstrip() for line in capture.get().splitlines())


def echo(text: str, *, err: bool = False, file: IO[Any] | None = None) -> None:
    """Print `text` with its line feeds; all else that a terminal would obey is escaped."""
    click.echo(printable_lines(text), file=file, err=err)


def echo_labelled(label: str, colour: str, text: str) -> None:
    """Print `label` and each line of `text`; the label in `colour` where a terminal shows it."""
    painted = click.style(printable(label), fg=None if os.environ.get("NO_COLOR") else colour)
    for line in text.split("\n"):
        click.echo(f"{painted}  {printable(line)}")


def echo_picture(text: str) -> None:
    """Print a picture made of blocks: light on dark, whatever the colours of the terminal are."""
    for line in text.splitlines():
        click.echo(click.style(printable(line), fg="bright_white", bg="black"))


def echo_json(value: Any, *, indent: int | None = 2) -> None:
    """Print `value` as JSON that is also readable. indent: None for one line."""
    echo_raw(json.dumps(value, indent=indent) + "\n")


def echo_raw(text: str) -> None:
    """Print `text`, which is made for programs, as it is."""
    click.echo(text, nl=False)
