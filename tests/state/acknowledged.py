"""What writers were told, and whether it is there.

A writer notes each change before it asks for it and again once it is told that it is done. It
works on keys of its own, so what must be there afterwards follows from its notes alone.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

GONE = None


@dataclass
class Writer:
    """The notes of one writer. done: key -> value that was acknowledged last. asked: not yet."""

    done: dict[str, object] = field(default_factory=dict)
    asked: tuple[str, object] | None = None
    acknowledged: int = 0

    def ask(self, key: str, value: object) -> None:
        """Note that `key` is to become `value`, GONE to be removed."""
        self.asked = (key, value)

    def told(self) -> None:
        """Note that what was asked for is done."""
        assert self.asked is not None
        key, value = self.asked
        self.done[key] = value
        self.asked = None
        self.acknowledged += 1


def problems(writers: Iterable[Writer], found: Mapping[str, object]) -> list[str]:
    """What is wrong with `found`, key -> value: nothing if every acknowledged change is there,
    and of what was only asked for, all or nothing. Keys of nobody are wrong too."""
    wrong, known = [], set()
    for writer in writers:
        for key, value in writer.done.items():
            known.add(key)
            allowed = [value]
            if writer.asked is not None and writer.asked[0] == key:
                allowed.append(writer.asked[1])
            if found.get(key, GONE) not in allowed:
                wrong.append(f"{key} is {found.get(key, GONE)!r}, not one of {allowed!r}")
        if writer.asked is not None and writer.asked[0] not in known:
            key, value = writer.asked
            known.add(key)
            if found.get(key, GONE) not in (GONE, value):
                wrong.append(f"{key} is {found[key]!r}; asked was {value!r}")
    wrong += [f"{key} is {found[key]!r}; nobody asked for it" for key in found if key not in known]
    return wrong


def settle(writers: Iterable[Writer], found: Mapping[str, object]) -> None:
    """Take what was found for acknowledged: it was seen, so it must never vanish again."""
    for writer in writers:
        if writer.asked is not None:
            key, _ = writer.asked
            writer.done[key] = found.get(key, GONE)
            writer.asked = None
