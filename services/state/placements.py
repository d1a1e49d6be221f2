"""Where the containers are, in memory: what is asked often costs what it returns."""

from bisect import bisect_left, insort
from collections.abc import Iterable

from services.core.model import Placed
from services.state.rows import Kept


class Placements:
    """Container name -> Kept, and the same by node. Not for several threads at once."""

    def __init__(self) -> None:
        self._kept: dict[str, Kept] = {}
        self._names: list[str] = []
        self._on: dict[str | None, set[str]] = {}
        self._all: tuple[Placed, ...] | None = None

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, name: str) -> Kept | None:
        """The container `name`, or None."""
        return self._kept.get(name)

    def everything(self) -> tuple[Placed, ...]:
        """All containers by name; the same tuple as long as nothing changes."""
        if self._all is None:
            self._all = tuple(self._kept[name].placed for name in self._names)
        return self._all

    def on(self, node: str | None) -> tuple[Placed, ...]:
        """The containers on `node`, by name; None: those that are nowhere."""
        return tuple(item.placed for item in self.kept_on(node))

    def kept_on(self, node: str | None) -> Iterable[Kept]:
        """The same, as they are stored."""
        return (self._kept[name] for name in sorted(self._on.get(node, ())))

    def how_many_on(self, node: str | None) -> int:
        """How many containers `on` returns."""
        return len(self._on.get(node, ()))

    def replace(self, name: str, kept: Kept | None) -> None:
        """Let the container `name` be `kept`; None: let there be none."""
        self._all = None
        before = self._kept.pop(name, None)
        if before is not None:
            there = self._on[before.placed.node]
            there.remove(name)
            if not there:
                del self._on[before.placed.node]
        if kept is not None:
            self._kept[name] = kept
            self._on.setdefault(kept.placed.node, set()).add(name)
        if before is None and kept is not None:
            insort(self._names, name)
        elif before is not None and kept is None:
            del self._names[bisect_left(self._names, name)]
