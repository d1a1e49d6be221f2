"""One commit of the embedded store that waits to be made, and what became of it."""

from collections.abc import Mapping

from services.state.keys import ABSENT, EVENTS, SEEN, Change, Compare, Item, Write


class Commit:
    """durable: whether it waits for the disk. over: whether its caller may have the result.

    change: what it did, once it is made.
    """

    change: Change

    def __init__(self, compare: Compare, write: Write) -> None:
        self._compare = compare
        self.write = write
        self.durable = not all(key.startswith((SEEN, EVENTS)) for key in write)
        self.over = False
        self._error: Exception | None = None

    @property
    def keys(self) -> set[str]:
        """All that it compares or writes."""
        return {*self._compare, *self.write}

    def holds(self, known: Mapping[str, Item | None]) -> bool:
        """Whether its compares hold. known: its keys as they are."""
        return all(_revision(known[key]) == at for key, at in self._compare.items())

    def make(self, revision: int, known: Mapping[str, Item | None]) -> None:
        """Let it have happened at `revision`."""
        changed, deleted = [], []
        for key, value in self.write.items():
            before = known[key]
            if value is not None:
                created = revision if before is None else before.created
                changed.append(Item(key, value, revision, created))
            elif before is not None:
                deleted.append(key)
        self.change = Change(revision, tuple(changed), tuple(deleted))

    def fail(self, error: Exception) -> bool:
        """Let it be over, with `error` for its caller."""
        self._error = error
        self.over = True
        return True

    def result(self) -> int:
        """Return its revision, or raise what it failed with."""
        if self._error is not None:
            raise self._error
        return self.change.revision


def _revision(item: Item | None) -> int:
    return ABSENT if item is None else item.revision
