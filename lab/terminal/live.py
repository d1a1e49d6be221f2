"""A text that changes in place on a terminal, until Ctrl-C."""

import sys
from collections.abc import Iterable

from lab.terminal.table import echo
from services.core.errors import printable_lines


def show(texts: Iterable[str]) -> None:
    """Show each of `texts` in place of the one before; where no terminal is, one after another."""
    if not sys.stdout.isatty():
        for text in texts:
            echo(f"{text}\n")
        return
    from rich.live import Live
    from rich.text import Text

    # As an alternate screen: what was on the terminal is there again afterwards.
    with Live(screen=True, auto_refresh=False) as screen:
        for text in texts:
            screen.update(Text(printable_lines(text)), refresh=True)
