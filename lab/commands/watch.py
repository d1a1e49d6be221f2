"""`lab watch`: the stage's view, in a terminal."""

import time
from collections.abc import Iterator
from contextlib import suppress

import click

from lab.commands.stage import run_option

_LOOK_S = 1.0
_STALE_S = 3.0


@click.command()
@run_option
def watch(run: str | None) -> None:
    """Show desired and observed of every node, live, in this terminal.

    \b
    lab watch                            in a second terminal, while you break things
    lab watch --replay node-failure      a recorded run, as if it were now

    It shows what the page of `lab stage` shows: what is wanted, what each API claims, what really
    runs, how they differ, and since when each machine is silent. Ctrl-C ends it.
    """
    from lab.stage.board import Board
    from lab.stage.opening import opened, playing
    from lab.stage.screen import text
    from lab.terminal import live

    def texts() -> Iterator[str]:
        while True:
            old_s = board.age_s()
            stale = f"NOT LIVE: this is {old_s:.0f} s old\n\n" if old_s > _STALE_S else ""
            yield stale + text(*board.latest())
            time.sleep(_LOOK_S)

    source = opened(run, lambda _: None)
    board = Board("watch")
    with playing(source, board, {}), suppress(KeyboardInterrupt):
        live.show(texts())
