"""What a stage plays: a recorded run, or the lab as it runs."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

from lab import waiting
from lab.planes import modes
from lab.report import runs
from lab.stage.board import Board
from lab.stage.live import Live, run_under_way
from lab.stage.player import Player
from lab.stage.source import Replay, Source
from lab.stage.view import View
from provisioning import topology

# Longer than a recording needs to end.
_END_S = 10.0


class Feed(NamedTuple):
    """One of both: what a person moves, or what happens now."""

    replay: Replay | None = None
    live: Live | None = None

    def pick(self) -> Source | None:
        """Return what is to be played now; None until there is something."""
        return self.live.source if self.live else self.replay


def opened(run: str | None, say: Callable[[str], None]) -> Feed:
    """Return the recorded run `run`, or the live lab. say: hears what is played.

    Raises LabError where there is no such run, or no lab that is up.
    """
    if run is not None:
        folder = runs.histories(runs.find(run))[0]
        say(f"recorded: {folder}")
        return Feed(replay=Replay(folder))
    lab = topology.load()
    if not run_under_way():
        modes.on(lab)
    return Feed(live=Live(lab, say))


@contextmanager
def playing(source: Feed, board: Board, extra: View) -> Iterator[None]:
    """Play `source` onto `board` for the length of the block. extra: keys of every view."""
    loops = [Player(board, source.pick, extra).run, *([source.live.run] if source.live else [])]
    with waiting.beside(loops, end_s=_END_S):
        try:
            yield
        finally:
            board.close()
