"""Play records onto the board: fold what is due, and publish what is to be seen."""

import threading
import time
from collections.abc import Callable
from contextlib import suppress

from lab.stage.board import Board
from lab.stage.source import Source
from lab.stage.view import Show, View

_EVERY_S = 0.1
# A page gets no more than five events a second, and one even if nothing changed: it lives.
_LEAST_S = 0.2
_MOST_S = 1.0


class Player:
    """Plays whatever source `pick` returns, from its beginning. extra: keys of every view."""

    def __init__(self, board: Board, pick: Callable[[], Source | None], extra: View) -> None:
        self._board = board
        self._pick = pick
        self._extra = extra
        self._playing: object = None
        self._show = Show(recorded=False)
        self._view: View = {}
        self._published_s = -_MOST_S

    def run(self, over: threading.Event) -> None:
        """Play until `over` is set."""
        while not over.wait(_EVERY_S):
            # A file that was deleted has no news.
            with suppress(OSError):
                self.step(time.monotonic())

    def step(self, clock_s: float) -> None:
        """Take what is due, and publish if it is time. clock_s: any clock that only grows."""
        source = self._pick()
        if source is None:
            return
        moves, items = source.due()
        if self._playing != (source, moves):
            self._playing = (source, moves)
            self._show = Show(recorded=source.recorded, damage=source.damage)
            self._board.restart()
            self._view = {}
        for item in items:
            if isinstance(item, str):
                self._show.fold.spoil(item)
            else:
                self._show.add(item)
        passed_s = clock_s - self._published_s
        if passed_s >= _LEAST_S or not self._view:
            self._publish(source, clock_s, late=passed_s >= _MOST_S)

    def _publish(self, source: Source, clock_s: float, *, late: bool) -> None:
        at_s = source.now_s()
        view = self._show.view(at_s)
        if not view:
            return
        view |= {**self._extra, **source.extra()}
        if late or view != self._view:
            self._view, self._published_s = view, clock_s
            self._board.publish(view, at_s)
