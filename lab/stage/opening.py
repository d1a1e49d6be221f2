"""What a stage plays: a recorded run, or the lab as it runs."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from lab import waiting
from lab.demo import cue
from lab.planes import modes
from lab.report import runs
from lab.stage.board import Board
from lab.stage.live import Live, run_under_way
from lab.stage.player import Player
from lab.stage.source import Interlude, Replay, Source
from lab.stage.view import View
from provisioning import topology
from services.core.errors import LabError

# Longer than a recording needs to end.
_END_S = 10.0


class Feed:
    """One of both: what a person moves, or what happens now.

    The speaker of `lab demo` may show a recorded step in between, where the live one failed.
    """

    def __init__(self, replay: Replay | None = None, live: Live | None = None) -> None:
        self.replay, self.live = replay, live
        self._part: Interlude | None = None
        # Of the moment at which the speaker asked for it.
        self._asked = ""

    def pick(self) -> Source | None:
        """Return what is to be played now; None until there is something."""
        if self.live is None:
            return self.replay
        before, self._part = self._part, self._recorded()
        if before and not self._part and self.live.source:
            self.live.source.rewind()
        return self._part or self.live.source

    def _recorded(self) -> Interlude | None:
        asked = cue.read()
        if asked is None or asked.recorded is None or not cue.running():
            return None
        if asked.id != self._asked:
            self._asked = asked.id
            folder, from_s, to_s = asked.recorded
            with suppress(LabError):
                return Interlude(Path(folder), from_s, to_s)
            return None
        return self._part if self._part and not self._part.over else None


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
