"""What is wanted and where it is, in memory: whatever is asked for often costs what it returns.

A second face of the tables, which only says what they say.
"""

from bisect import bisect_left, insort
from collections.abc import Iterable

from services.core.model import Placed


class Placements:
    """Container name -> Placed, and the same by node. Not for several threads at once."""

    def __init__(self, placed: Iterable[Placed]) -> None:
        self._placed = {item.name: item for item in placed}
        self._names = sorted(self._placed)
        self._on: dict[str | None, set[str]] = {}
        for item in self._placed.values():
            self._on.setdefault(item.node, set()).add(item.name)
        self._all: tuple[Placed, ...] | None = None

    def __len__(self) -> int:
        return len(self._placed)

    def get(self, name: str) -> Placed | None:
        """The container `name`, or None."""
        return self._placed.get(name)

    def everything(self) -> tuple[Placed, ...]:
        """All containers by name; the same tuple as long as nothing changes."""
        if self._all is None:
            self._all = tuple(self._placed[name] for name in self._names)
        return self._all

    def on(self, node: str | None) -> tuple[Placed, ...]:
        """The containers on `node`, by name; None: those that are nowhere."""
        return tuple(self._placed[name] for name in sorted(self._on.get(node, ())))

    def how_many_on(self, node: str | None) -> int:
        """How many containers `on` returns."""
        return len(self._on.get(node, ()))

    def replace(self, name: str, placed: Placed | None) -> None:
        """Let the container `name` be `placed`; None: let there be none."""
        self._all = None
        before = self._placed.pop(name, None)
        if before is not None:
            there = self._on[before.node]
            there.remove(name)
            if not there:
                del self._on[before.node]
        if placed is not None:
            self._placed[name] = placed
            self._on.setdefault(placed.node, set()).add(name)
        if before is None and placed is not None:
            insort(self._names, name)
        elif before is not None and placed is None:
            del self._names[bisect_left(self._names, name)]
