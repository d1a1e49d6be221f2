"""Keys with revisions: the small protocol that the state of pull stands on, as etcd has it.

Two things implement it: TinyDB in one process (embedded.py) and etcd on one machine or three
(etcd.py). What is stored is the same in both, and is written once, above this protocol.

A key is a path such as `container/web`. Its value is a JSON object. The store has one revision,
which grows with every commit and never comes again, also not after a restart.
"""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple, Protocol

from services.core.errors import LabError

Value = Mapping[str, Any]
# Key -> the revision that it must be at. ABSENT: it must not exist.
Compare = Mapping[str, int]
ABSENT = 0
# Key -> its new value. None: the key is deleted.
Write = Mapping[str, Value | None]

# What agents say of themselves. A commit that writes nothing else waits for no disk; keys below
# this prefix do not survive the server (TinyDB), or the end of all servers by a minute (etcd).
SEEN = "seen/"
# What happened. A commit that writes only SEEN and EVENTS waits for no disk either: after a
# `kill -9` the last of such events may be missing.
EVENTS = "event/"


# Of one commit, because of etcd: compares, and keys to write.
MOST_COMPARES = 63
MOST_KEYS = 4032


class Item(NamedTuple):
    """A key as it is. revision: of its last change. created: of the commit that created it, so
    that a key which is deleted and created again is another one. value: not to be changed."""

    key: str
    value: Value
    revision: int
    created: int


class Snapshot(NamedTuple):
    """All keys below a prefix, in order of keys, as they were at one revision of the store."""

    items: tuple[Item, ...]
    revision: int


class Change(NamedTuple):
    """One commit. changed: the keys that it wrote. deleted: the keys that it deleted."""

    revision: int
    changed: tuple[Item, ...]
    deleted: tuple[str, ...]


class Keys(Protocol):
    """A store of keys. Every method may be called from any thread.

    problem: "" or what was damaged when it was opened. lost: whether commits that had been
    acknowledged may be missing; complete: whether all events are there that were committed.
    trouble: why the last commit could not be made, or "". shared: whether other processes may
    write to it, so that a watch may be behind.
    """

    problem: str
    shared: bool
    lost: bool
    complete: bool
    trouble: str

    def stats(self) -> Mapping[str, int]:
        """Return numbers for metrics, by name."""

    def read(self, prefix: str) -> Snapshot:
        """Return every key below `prefix`, never older than the last commit that any server of
        this store acknowledged. Raises Unavailable."""

    def commit(self, compare: Compare, write: Write) -> int:
        """Write all of `write` if all of `compare` holds; return the revision of that.

        The write is durable when this returns (but see SEEN and EVENTS), and is written once.
        At most MOST_COMPARES and MOST_KEYS; LabError of more.
        Deleting what does not exist is no error. Raises Conflict, and then nothing was written;
        and Unavailable, and then nothing is known: the write may have happened or not.
        """

    def watch(self, prefix: str, after: int) -> Iterator[Change]:
        """Yield every commit after revision `after` that concerns `prefix`, in order; wait for
        the next one. Ends when the store is closed. Raises Compacted.

        A commit of several keys is one Change, which names those below `prefix`.
        """

    def close(self) -> None:
        """End all watches and let go of what is held. Every later commit raises Unavailable."""


def check_size(compare: Compare, write: Write) -> None:
    """Raise LabError of what is too much for one commit."""
    if len(compare) > MOST_COMPARES or len(write) > MOST_KEYS:
        what = f"{len(compare)} compares and {len(write)} keys are too many for a commit"
        raise LabError(what, hint="make several commits of it")


class Conflict(LabError):
    """Something was not as `compare` said."""

    def __init__(self) -> None:
        super().__init__("something changed meanwhile", hint="read it again, then decide again")


class Compacted(LabError):
    """A watch asked for changes that are no longer known: read everything again."""

    def __init__(self) -> None:
        super().__init__("changes that old are no longer known", hint="read everything again")


class Unavailable(LabError):
    """The store cannot be read or written now. where: a folder, or addresses."""

    def __init__(self, where: str, detail: str, hint: str) -> None:
        super().__init__(f"cannot use {where}: {detail}", hint=hint)
        self.where = where
        self.detail = detail
